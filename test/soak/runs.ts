import { openTemporalClient } from '../../temporal/connect.ts';

export interface SessionRuns {
  runs: number;
  /** History events of the longest run. */
  maxHistoryEvents: number;
  /** Bytes of the largest run's history. */
  maxHistoryBytes: number;
}

/** Asks the Temporal server about all runs of a workflow, beginning with the last. */
export async function readRuns(address: string, workflowId: string): Promise<SessionRuns> {
  const client = openTemporalClient({ address, namespace: 'default' });
  try {
    const found = { runs: 0, maxHistoryEvents: 0, maxHistoryBytes: 0 };
    for await (const { runId } of client.workflow.list({ query: `WorkflowId = "${workflowId}"` })) {
      const { historyLength, historySize = 0 } = await client.workflow.getHandle(workflowId, runId).describe();
      found.runs += 1;
      found.maxHistoryEvents = Math.max(found.maxHistoryEvents, historyLength);
      found.maxHistoryBytes = Math.max(found.maxHistoryBytes, historySize);
    }
    return found;
  } finally {
    await client.connection.close();
  }
}
