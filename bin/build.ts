import { mkdirSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { bundleWorkflows } from '../worker/bundle.ts';

// Bundles the workflow code ahead of time; HERALD_WORKFLOW_BUNDLE names the file to a worker.
const file = fileURLToPath(new URL('../dist/workflows.js', import.meta.url));
const { code } = await bundleWorkflows((level, message) => {
  if (level !== 'debug') process.stderr.write(`${message}\n`);
});
mkdirSync(new URL('../dist/', import.meta.url), { recursive: true });
writeFileSync(file, code);
process.stdout.write(`${file}\n`);
