import { makeContinueAsNewFunc, type Workflow, workflowInfo } from '@temporalio/workflow';

/** A run that was handed over to may be outdated itself, by the will of an operator: then it stays this long at least. */
const STAYS_MS = 10_000;

/** Whether workers with newer workflow code have become the current ones since this run began. */
export function isOutdated(): boolean {
  const { targetWorkerDeploymentVersionChanged, continuedFromExecutionRunId, runStartTime } = workflowInfo();
  if (!targetWorkerDeploymentVersionChanged) return false;
  return continuedFromExecutionRunId === undefined || Date.now() - runStartTime.getTime() > STAYS_MS;
}

/** Continues as new, with the newest workflow code if there is newer. */
export function continueOnNewest<F extends Workflow>(...args: Parameters<F>): Promise<never> {
  const isNewer = workflowInfo().targetWorkerDeploymentVersionChanged;
  return makeContinueAsNewFunc<F>(isNewer ? { initialVersioningBehavior: 'AUTO_UPGRADE' } : {})(...args);
}
