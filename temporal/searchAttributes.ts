import { setTimeout as sleep } from 'node:timers/promises';
import type { Client, Connection } from '@temporalio/client';
import type { Logger } from 'pino';
import { SEARCH_ATTRIBUTES } from '../model/naming.ts';
import { refusedBy } from './refused.ts';

/** `INDEXED_VALUE_TYPE_KEYWORD` of the server's API. */
const KEYWORD = 2;
const NAMES: string[] = Object.values(SEARCH_ATTRIBUTES);

/** The server's parts read their namespaces every 2 s (`system.namespaceCacheRefreshInterval`): until then calls with a new attribute fail. */
const KNOWN_WITHIN_MS = 15_000;
const LOOK_MS = 100;
const FIRST_RETRY_MS = 1000;
const LAST_RETRY_MS = 60_000;

/** Whether a process may use Herald's search attributes. */
export interface SearchAttributes {
  usable: () => boolean;
  /** Resolves when the server has been asked once, whatever it said. */
  asked: Promise<void>;
  stop: () => void;
}

/** Registers Herald's search attributes, or waits until somebody else has, for as long as it takes; workflows run without them until then. */
export function watchSearchAttributes(client: Client, log: Logger): SearchAttributes {
  let usable = false;
  let timer: NodeJS.Timeout | undefined;
  let stopped = false;

  async function ask(retryMs: number): Promise<void> {
    const reason = await ensureSearchAttributes(client);
    usable = reason === undefined;
    const isFirst = retryMs === FIRST_RETRY_MS;
    if (usable && !isFirst) log.info('Herald uses its search attributes from now on');
    if (usable || stopped) return;
    if (isFirst) log.warn({ reason }, 'Herald runs without its search attributes: the Temporal server is away or refuses them');
    timer = setTimeout(() => void ask(Math.min(retryMs * 2, LAST_RETRY_MS)), retryMs).unref();
  }

  return {
    usable: () => usable,
    asked: ask(FIRST_RETRY_MS),
    stop() {
      stopped = true;
      clearTimeout(timer);
    },
  };
}

/**
 * Registers Herald's search attributes where they are missing, and waits until the server takes them.
 *
 * @returns undefined when all of them can be used, else the reason why not: workflows must then run
 * without them, because one unregistered attribute fails the whole call.
 */
export async function ensureSearchAttributes(client: Client): Promise<string | undefined> {
  try {
    const refusal = await register(client);
    if (refusal === undefined) return await known(client, KNOWN_WITHIN_MS);
    // Who may not register them can have had it done by somebody who may.
    return await known(client, 0).catch(() => refusal);
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

/** Answers why the server does not let Herald register search attributes. */
async function register(client: Client): Promise<string | undefined> {
  const { operatorService } = client.connection as Connection;
  const { namespace } = client.options;

  async function missing(): Promise<string[]> {
    const { customAttributes } = await operatorService.listSearchAttributes({ namespace });
    return NAMES.filter((name) => !(name in (customAttributes ?? {})));
  }

  try {
    const toRegister = await missing();
    if (toRegister.length === 0) return undefined;
    await operatorService.addSearchAttributes({
      namespace,
      searchAttributes: Object.fromEntries(toRegister.map((name) => [name, KEYWORD])),
    });
    const left = await missing();
    return left.length > 0 ? `the cluster did not register ${left.join(', ')}` : undefined;
  } catch (error) {
    const refusal = refusedBy(error);
    if (refusal === undefined) throw error;
    return refusal;
  }
}

/** Waits until a query by all of them is understood, which looks them up as a start does. @throws Error with the server's last word */
async function known(client: Client, withinMs: number): Promise<undefined> {
  const query = NAMES.map((name) => `${name} = ''`).join(' AND ');
  const giveUpAt = performance.now() + withinMs;
  for (;;) {
    try {
      await client.workflow.count(query);
      return undefined;
    } catch (error) {
      if (performance.now() > giveUpAt) throw error;
      await sleep(LOOK_MS);
    }
  }
}
