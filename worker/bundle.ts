import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { bundleWorkflowCode } from '@temporalio/worker';
import type { Logger } from 'pino';

/** Where `npm run build` puts the workflow code; a production image has it, a checkout bundles at start. */
export const bundlePath = fileURLToPath(new URL('../dist/workflows.js', import.meta.url));

const workflowsPath = fileURLToPath(new URL('../workflows/index.ts', import.meta.url));

/** The workflow code in one file, as the worker's sandbox loads it. */
export async function bundleWorkflows(log: Logger): Promise<{ code: string } | { codePath: string }> {
  if (existsSync(bundlePath)) return { codePath: bundlePath };
  return buildBundle((level, message) => log[level](message));
}

/** Builds the workflow code from its sources. */
export function buildBundle(write: (level: 'debug' | 'info' | 'warn' | 'error', message: string) => void): Promise<{ code: string }> {
  const quiet = (message: string) => write('debug', message);
  return bundleWorkflowCode({
    workflowsPath,
    logger: {
      log: (_, message) => quiet(message),
      trace: quiet,
      debug: quiet,
      info: quiet,
      warn: (message) => write('warn', message),
      error: (message) => write('error', message),
    },
  });
}
