import { setTimeout as sleep } from 'node:timers/promises';
import type { Client, Connection } from '@temporalio/client';
import { SEARCH_ATTRIBUTES } from '../model/naming.ts';

/** `INDEXED_VALUE_TYPE_KEYWORD` of the server's API. */
const KEYWORD = 2;

/** The server's parts read their namespaces every 2 s (`system.namespaceCacheRefreshInterval`): until then calls with a new attribute fail. */
const KNOWN_WITHIN_MS = 15_000;
const LOOK_MS = 100;

/**
 * Registers Herald's search attributes where they are missing, and waits until the server takes them.
 *
 * @returns undefined when all of them can be used, else the reason why not: workflows must then run
 * without them, because one unregistered attribute fails the whole call.
 */
export async function ensureSearchAttributes(client: Client): Promise<string | undefined> {
  const { operatorService } = client.connection as Connection;
  const { namespace } = client.options;
  const names = Object.values(SEARCH_ATTRIBUTES);

  async function missing(): Promise<string[]> {
    const { customAttributes } = await operatorService.listSearchAttributes({ namespace });
    return names.filter((name) => !(name in (customAttributes ?? {})));
  }

  try {
    const toRegister = await missing();
    if (toRegister.length > 0) {
      await operatorService.addSearchAttributes({
        namespace,
        searchAttributes: Object.fromEntries(toRegister.map((name) => [name, KEYWORD])),
      });
      const left = await missing();
      if (left.length > 0) return `the cluster did not register ${left.join(', ')}`;
    }
    return await known(client, names);
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

/** Waits until a query by all of them is understood, which looks them up as a start does; else the server's last word. */
async function known(client: Client, names: string[]): Promise<string | undefined> {
  const query = names.map((name) => `${name} = ''`).join(' AND ');
  const giveUpAt = performance.now() + KNOWN_WITHIN_MS;
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
