import type { Client, Connection } from '@temporalio/client';
import { SEARCH_ATTRIBUTES } from '../model/naming.ts';

/** `INDEXED_VALUE_TYPE_KEYWORD` of the server's API. */
const KEYWORD = 2;

/**
 * Registers Herald's search attributes where they are missing.
 *
 * @returns undefined when all of them can be used, else the reason why not: workflows must then run
 * without them, because one unregistered attribute fails the whole call.
 */
export async function ensureSearchAttributes(client: Client): Promise<string | undefined> {
  const { operatorService } = client.connection as Connection;
  const { namespace } = client.options;

  async function missing(): Promise<string[]> {
    const { customAttributes } = await operatorService.listSearchAttributes({ namespace });
    return Object.values(SEARCH_ATTRIBUTES).filter((name) => !(name in (customAttributes ?? {})));
  }

  try {
    const names = await missing();
    if (names.length === 0) return undefined;
    await operatorService.addSearchAttributes({
      namespace,
      searchAttributes: Object.fromEntries(names.map((name) => [name, KEYWORD])),
    });
    const left = await missing();
    return left.length === 0 ? undefined : `the cluster did not register ${left.join(', ')}`;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}
