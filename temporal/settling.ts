import { type Client, WorkflowExecutionAlreadyStartedError } from '@temporalio/client';
import { DELIVERY_TASK_QUEUE, SETTLING_WORKFLOW, settlingWorkflowId } from '../model/naming.ts';
import type { SettlingInput } from '../workflows/settling.ts';

/** Sees to it that the workflow runs which changes a sent message; one that runs already is left alone. */
export type StartSettling = (message: { deliveryId: string; integrationId: string }) => Promise<void>;

const DEADLINE_MS = 15_000;

export function createSettlingWorkflows(client: Client): StartSettling {
  return async ({ deliveryId, integrationId }) => {
    const input: SettlingInput = { deliveryId };
    try {
      await client.withDeadline(Date.now() + DEADLINE_MS, () =>
        client.workflow.start(SETTLING_WORKFLOW, {
          workflowId: settlingWorkflowId(deliveryId),
          taskQueue: DELIVERY_TASK_QUEUE,
          args: [input],
          workflowIdReusePolicy: 'ALLOW_DUPLICATE',
          workflowIdConflictPolicy: 'USE_EXISTING',
          staticSummary: 'An answered question, shown where it was asked',
          memo: { delivery: deliveryId, integration: integrationId },
        }),
      );
    } catch (error) {
      if (!(error instanceof WorkflowExecutionAlreadyStartedError)) throw error;
    }
  };
}
