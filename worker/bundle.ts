import { fileURLToPath } from 'node:url';
import { bundleWorkflowCode } from '@temporalio/worker';

const workflowsPath = fileURLToPath(new URL('../workflows/index.ts', import.meta.url));
const preloadPath = fileURLToPath(new URL('../workflows/preload.ts', import.meta.url));

/** Told what the bundler has to say. */
export type BundlerLog = (level: 'debug' | 'warn' | 'error', message: string) => void;

/** Puts the workflow code into one file, as the worker's sandbox loads it. Takes seconds: a production image does it once. */
export function bundleWorkflows(write: BundlerLog): Promise<{ code: string }> {
  const quiet = (message: string) => write('debug', message);
  return bundleWorkflowCode({
    workflowsPath,
    preloadModules: [preloadPath],
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
