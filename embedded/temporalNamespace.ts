import { msToTs } from '@temporalio/common/lib/time.js';
import { Connection } from '@temporalio/client';

const RETENTION_MS = 30 * 24 * 3_600_000;
const CONNECT_TIMEOUT_MS = 1000;

/**
 * Sets how long closed workflows stay readable: 30 days instead of the server's one. Answers false as long as the
 * server does not answer or has no such namespace yet.
 */
export async function keepsNamespace(address: string, namespace: string): Promise<boolean> {
  let connection: Connection | undefined;
  try {
    connection = await Connection.connect({ address, connectTimeout: CONNECT_TIMEOUT_MS });
    const { config } = await connection.workflowService.describeNamespace({ namespace });
    const retention = msToTs(RETENTION_MS);
    if (!config?.workflowExecutionRetentionTtl?.seconds?.equals(retention.seconds ?? 0)) {
      await connection.workflowService.updateNamespace({ namespace, config: { workflowExecutionRetentionTtl: retention } });
    }
    return true;
  } catch {
    return false;
  } finally {
    await connection?.close();
  }
}
