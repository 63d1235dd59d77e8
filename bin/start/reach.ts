import pg from 'pg';
import type { TemporalSettings } from '../../config/settings.ts';
import { StartError } from '../../embedded/startError.ts';
import { openTemporalClient } from '../../temporal/connect.ts';

const TIMEOUT_MS = 5000;
/** gRPC's status for a namespace that does not exist. */
const NOT_FOUND = 5;
const UNAVAILABLE_STATUSES = [4, 14];

/** @throws {StartError} when the database of DATABASE_URL cannot be used; the sentence never holds its password. */
export async function checkDatabase(url: string): Promise<void> {
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: TIMEOUT_MS });
  try {
    await client.connect();
  } catch (error) {
    const { host, pathname } = new URL(url);
    throw new StartError(`The database ${host}${pathname} cannot be reached (${reasonOf(error)}): check DATABASE_URL, or unset it and Herald brings its own Postgres.`);
  } finally {
    await client.end().catch(() => undefined);
  }
}

/** @throws {StartError} when the server of TEMPORAL_ADDRESS does not answer or lacks the namespace. */
export async function checkTemporal(settings: TemporalSettings): Promise<void> {
  const { connection } = openTemporalClient(settings);
  try {
    await connection.withDeadline(Date.now() + TIMEOUT_MS, () => connection.workflowService.describeNamespace({ namespace: settings.namespace }));
  } catch (error) {
    const status = (error as { code?: number }).code;
    if (status === NOT_FOUND) {
      throw new StartError(`The Temporal server ${settings.address} has no namespace "${settings.namespace}": create it (temporal operator namespace create --retention 720h ${settings.namespace}), or set TEMPORAL_NAMESPACE.`);
    }
    if (status === undefined || UNAVAILABLE_STATUSES.includes(status)) {
      throw new StartError(`The Temporal server ${settings.address} cannot be reached (${reasonOf(error)}): check TEMPORAL_ADDRESS, or unset it and Herald brings its own.`);
    }
    // Any other answer is an answer: a hosted cluster may not let everybody describe a namespace.
  } finally {
    await connection.close();
  }
}

function reasonOf(error: unknown): string {
  const { code, details, message } = error as { code?: unknown; details?: string; message?: string };
  if (typeof code === 'string' && /^E[A-Z]+$/.test(code)) return code;
  return details || message || String(code ?? error);
}
