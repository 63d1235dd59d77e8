import { type Client, WorkflowExecutionAlreadyStartedError, WorkflowNotFoundError } from '@temporalio/client';
import type { ReplayKind } from '../model/replay.ts';
import { DELIVERY_TASK_QUEUE, REPLAY_CANCELLED_SIGNAL, REPLAY_WORKFLOW, replayWorkflowId, SEARCH_ATTRIBUTES } from '../model/naming.ts';
import type { ReplayInput } from '../workflows/messages.ts';
import { keywords } from './workflows.ts';

/** A stored replay whose workflow is to run. */
export interface ReplayToStart {
  id: string;
  organisationId: string;
  kind: ReplayKind;
  integrationId: string;
}

/** Starts and wakes the workflows of replays. */
export interface ReplayWorkflows {
  /** Sees to it that the replay's workflow runs; one that runs already is left alone. */
  start(replay: ReplayToStart): Promise<void>;
  /** Tells a workflow that its replay was cancelled. */
  tellCancelled(replayId: string): Promise<void>;
}

const DEADLINE_MS = 15_000;

const summaries: Record<ReplayKind, string> = {
  failed: 'Replay of dead letters',
  disabled: 'Replay of what was skipped as disabled',
  events: 'Replay of past events',
};

/** @param usable Whether the cluster knows Herald's search attributes, asked at every call. */
export function createReplayWorkflows(client: Client, usable: () => boolean, maxHistoryEvents?: number): ReplayWorkflows {
  const inTime = <T>(call: () => Promise<T>) => client.withDeadline(Date.now() + DEADLINE_MS, call);
  return {
    async start({ id, organisationId, kind, integrationId }) {
      const searchAttributes = usable();
      const input: ReplayInput = { organisationId, replayId: id, searchAttributes, ...(maxHistoryEvents === undefined ? {} : { maxHistoryEvents }) };
      try {
        await inTime(() =>
          client.workflow.start(REPLAY_WORKFLOW, {
            workflowId: replayWorkflowId(id),
            taskQueue: DELIVERY_TASK_QUEUE,
            args: [input],
            workflowIdReusePolicy: 'ALLOW_DUPLICATE',
            workflowIdConflictPolicy: 'USE_EXISTING',
            staticSummary: summaries[kind],
            memo: { replay: id, kind, integration: integrationId },
            ...(searchAttributes
              ? {
                  typedSearchAttributes: keywords({
                    [SEARCH_ATTRIBUTES.organisation]: organisationId,
                    [SEARCH_ATTRIBUTES.integration]: integrationId,
                    [SEARCH_ATTRIBUTES.status]: 'running',
                  }),
                }
              : {}),
          }),
        );
      } catch (error) {
        if (!(error instanceof WorkflowExecutionAlreadyStartedError)) throw error;
      }
    },

    async tellCancelled(replayId) {
      try {
        await inTime(() => client.workflow.getHandle(replayWorkflowId(replayId)).signal(REPLAY_CANCELLED_SIGNAL));
      } catch (error) {
        if (!(error instanceof WorkflowNotFoundError)) throw error;
      }
    },
  };
}
