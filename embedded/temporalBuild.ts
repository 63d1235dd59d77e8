import { fileURLToPath } from 'node:url';
import { buildGoProgram, type GoProgram } from './goProgram.ts';
import type { Progress } from './progress.ts';
import type { Log } from './startError.ts';

const program: GoProgram = {
  name: 'Temporal server',
  module: fileURLToPath(new URL('temporal-build', import.meta.url)),
  package: 'github.com/temporalio/cli/cmd/temporal',
  otherWays: 'install the Temporal CLI (https://docs.temporal.io/cli), or set TEMPORAL_ADDRESS',
};

/**
 * Builds the Temporal server from the Go modules that `temporal-build/go.sum` pins, about two minutes on two cores.
 * @throws {StartError} without Go, or when the build fails.
 */
export async function buildTemporal(target: string, log: Log, progress: Progress): Promise<void> {
  await buildGoProgram(program, target, log, progress);
}
