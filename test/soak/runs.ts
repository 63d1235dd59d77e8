import { setTimeout as sleep } from 'node:timers/promises';
import type { Client } from '@temporalio/client';
import { openTemporalClient } from '../../temporal/connect.ts';

export interface SessionRuns {
  runs: number;
  /** History events of the longest run. */
  maxHistoryEvents: number;
  /** Bytes of the largest run's history. */
  maxHistoryBytes: number;
}

/** The list of workflows is a little late. */
const LISTED_WITHIN_MS = 30_000;
const POLL_MS = 200;

/** Asks the Temporal server about all runs of a workflow. @throws Error when it does not list the last one. */
export async function readRuns(address: string, workflowId: string): Promise<SessionRuns> {
  const client = openTemporalClient({ address, namespace: 'default' });
  const deadline = Date.now() + LISTED_WITHIN_MS;
  try {
    const { runId: last } = await client.workflow.getHandle(workflowId).describe();
    for (;;) {
      const listed: string[] = [];
      for await (const { runId } of client.workflow.list({ query: `WorkflowId = "${workflowId}"` })) listed.push(runId);
      if (listed.includes(last)) return await measure(client, workflowId, listed);
      if (Date.now() > deadline) throw new Error(`Temporal lists ${listed.length} runs of ${workflowId}, and not its last one, ${last}.`);
      await sleep(POLL_MS);
    }
  } finally {
    await client.connection.close();
  }
}

async function measure(client: Client, workflowId: string, runIds: string[]): Promise<SessionRuns> {
  const found = { runs: runIds.length, maxHistoryEvents: 0, maxHistoryBytes: 0 };
  for (const runId of runIds) {
    const { historyLength, historySize = 0 } = await client.workflow.getHandle(workflowId, runId).describe();
    found.maxHistoryEvents = Math.max(found.maxHistoryEvents, historyLength);
    found.maxHistoryBytes = Math.max(found.maxHistoryBytes, historySize);
  }
  return found;
}
