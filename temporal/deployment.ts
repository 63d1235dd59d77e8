import type { Client } from '@temporalio/client';
import { refusedBy } from './refused.ts';

/** The version of Herald's workflow code that a worker has, as the Temporal server knows it. */
export interface WorkerDeployment {
  name: string;
  buildId: string;
}

/** The oldest server that tells a pinned run of a newer version (`targetWorkerDeploymentVersionChanged`). */
const OLDEST_SERVER = [1, 30];

/** Why the server cannot keep versions of workers apart as Herald needs it; undefined when it can. */
export async function whyNoDeployments(client: Client): Promise<string | undefined> {
  const { serverVersion } = await client.workflowService.getSystemInfo({});
  const [major = 0, minor = 0] = (serverVersion ?? '').split('.').map(Number);
  const [oldestMajor = 0, oldestMinor = 0] = OLDEST_SERVER;
  const isOld = major < oldestMajor || (major === oldestMajor && minor < oldestMinor);
  if (isOld) return `the Temporal server ${serverVersion} is older than ${OLDEST_SERVER.join('.')}`;
  try {
    await client.workflowService.listWorkerDeployments({ namespace: client.options.namespace, pageSize: 1 });
    return undefined;
  } catch (error) {
    const refusal = refusedBy(error);
    if (refusal === undefined) throw error;
    return refusal;
  }
}

/** The version that new runs go to; undefined while none was made current. */
export async function currentBuildId(client: Client, { name }: WorkerDeployment): Promise<string | undefined> {
  const { workerDeploymentInfo } = await client.workflowService.describeWorkerDeployment({
    namespace: client.options.namespace,
    deploymentName: name,
  });
  return workerDeploymentInfo?.routingConfig?.currentDeploymentVersion?.buildId ?? undefined;
}

/** Workflow ids of sessions whose runs are pinned to another version than this one. */
export async function* sessionsOfOtherVersions(client: Client, { name, buildId }: WorkerDeployment): AsyncIterable<string> {
  const query =
    `WorkflowType = "session" AND ExecutionStatus = "Running" AND TemporalWorkerDeployment = "${name}" ` +
    `AND TemporalWorkerDeploymentVersion != "${name}:${buildId}"`;
  for await (const { workflowId } of client.workflow.list({ query })) yield workflowId;
}
