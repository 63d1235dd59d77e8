import { pino } from 'pino';
import type { WorkerDeployment } from '../../temporal/deployment.ts';
import type { MovingTimings } from '../../worker/deployment.ts';
import { type RunningWorker, startWorker } from '../../worker/worker.ts';
import type { Engine } from './engineOn.ts';

const log = pino({ level: 'silent' });
/** By default a worker wakes no sessions of other versions while a test lasts. */
const NOT_NOW: MovingTimings = { pauseMs: 3_600_000 };

/** Starts a worker of one version of a deployment. */
export function startWorkerOf(engine: Engine, deployment: WorkerDeployment, movingOn: MovingTimings = NOT_NOW): Promise<RunningWorker> {
  const timings = { ...engine.settings.timings, movingOn };
  return startWorker({ ...engine.settings, timings, deployment }, log);
}

/** Makes a version the one that new runs go to; false as long as the server does not know its workers. */
export async function makeCurrent({ client }: Engine, { name: deploymentName, buildId }: WorkerDeployment): Promise<boolean> {
  const { namespace } = client.options;
  return client.workflowService.setWorkerDeploymentCurrentVersion({ namespace, deploymentName, buildId, allowNoPollers: false }).then(
    () => true,
    () => false,
  );
}
