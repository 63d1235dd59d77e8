import type { Client } from '@temporalio/client';
import { temporal } from '@temporalio/proto';
import { SEARCH_ATTRIBUTES } from '../model/naming.ts';

/**
 * Registers Herald's search attributes where they are missing.
 *
 * @returns undefined when all of them can be used, else the reason why not: workflows must then run
 * without them, because one unregistered attribute fails the whole call.
 */
export async function ensureSearchAttributes(client: Client): Promise<string | undefined> {
  const { operatorService } = client.connection as unknown as {
    operatorService: temporal.api.operatorservice.v1.OperatorService;
  };
  const namespace = client.options.namespace;
  const names = Object.values(SEARCH_ATTRIBUTES);
  const keyword = temporal.api.enums.v1.IndexedValueType.INDEXED_VALUE_TYPE_KEYWORD;
  try {
    const missing = await missingAttributes(operatorService, namespace, names);
    if (missing.length === 0) return undefined;
    await operatorService.addSearchAttributes({
      namespace,
      searchAttributes: Object.fromEntries(missing.map((name) => [name, keyword])),
    });
    const left = await missingAttributes(operatorService, namespace, names);
    return left.length === 0 ? undefined : `the cluster did not register ${left.join(', ')}`;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

async function missingAttributes(
  operatorService: temporal.api.operatorservice.v1.OperatorService,
  namespace: string,
  names: string[],
): Promise<string[]> {
  const { customAttributes } = await operatorService.listSearchAttributes({ namespace });
  return names.filter((name) => !(name in (customAttributes ?? {})));
}
