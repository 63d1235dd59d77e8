import type { Client } from '@temporalio/client';
import type { WorkerOptions } from '@temporalio/worker';
import type { Logger } from 'pino';
import { NEWS_SIGNAL } from '../model/naming.ts';
import { currentBuildId, sessionsOfOtherVersions, type WorkerDeployment } from '../temporal/deployment.ts';
import type { News } from '../workflows/messages.ts';
import { every, type Recurring } from './every.ts';

export interface MovingTimings {
  /** How often to look for sessions of other versions. Milliseconds. */
  pauseMs: number;
}

const defaults: MovingTimings = { pauseMs: 60_000 };
/** Between two sessions: old ones are many after a deployment, and none is in a hurry. */
const PAUSE_BETWEEN_MS = 10;

/**
 * What makes a worker one of a deployment. Runs of sessions stay with the version that began them; deliveries, which end
 * by themselves, go on with the newest.
 */
export function deploymentOptions(version: WorkerDeployment, behaviour: 'PINNED' | 'AUTO_UPGRADE'): Pick<WorkerOptions, 'workerDeploymentOptions'> {
  return {
    workerDeploymentOptions: {
      version: { deploymentName: version.name, buildId: version.buildId },
      useWorkerVersioning: true,
      defaultVersioningBehavior: behaviour,
    },
  };
}

/**
 * Once this worker's version is the current one, wakes the sessions of other versions, so that also those in which
 * nothing happens begin a fresh run here and the workers of old versions can be ended.
 */
export function startMovingOn(deps: { client: Client; deployment: WorkerDeployment; log: Logger }, timings: Partial<MovingTimings> = {}): Recurring {
  const { client, deployment, log } = deps;
  let toldNotCurrent = false;
  return every(timings.pauseMs ?? defaults.pauseMs, 'moving sessions to this version', log, async (isStopped) => {
    const current = await currentBuildId(client, deployment);
    if (current !== deployment.buildId) {
      if (!toldNotCurrent) log.warn({ current, deployment }, 'this version is not the current one of its deployment: it gets no new sessions until it is made so');
      toldNotCurrent = true;
      return;
    }
    toldNotCurrent = false;
    const nothingNew: News = { lastSeq: 0, events: [] };
    for await (const workflowId of sessionsOfOtherVersions(client, deployment)) {
      if (isStopped()) return;
      await client.workflow.getHandle(workflowId).signal(NEWS_SIGNAL, nothingNew).catch((error: unknown) => log.debug({ err: error, workflowId }, 'a session could not be woken'));
      await new Promise((resolve) => setTimeout(resolve, PAUSE_BETWEEN_MS));
    }
  });
}
