import { sql } from 'kysely';
import type { JsonObject } from '../model/types.ts';
import type { Db } from './database.ts';
import { appendOrganisationEvent } from './organisationEvents.ts';
import { raiseRulesVersion } from './organisations.ts';
import { inTransaction } from './transactions.ts';

/** What made Herald give up on a destination. */
export interface Disabling {
  /** A sentence for people. */
  reason: string;
  lastError: string;
  /** Only when it has been failing for at least this long; absent: at once, on the destination's own word. */
  afterMs?: number;
}

/**
 * Disables an integration that is enabled, and tells the organisation (`IntegrationDisabled`), both or neither.
 *
 * @returns Whether this call disabled it.
 */
export async function disableIntegration(db: Db, integrationId: string, { reason, lastError, afterMs }: Disabling): Promise<boolean> {
  return inTransaction(db, async (trx) => {
    const owner = await trx.selectFrom('integrations').select('organisation_id').where('id', '=', integrationId).where('enabled', '=', true).executeTakeFirst();
    if (!owner) return false;
    // The organisation's row first, as every change of rules locks it (store/transactions.ts).
    const version = await raiseRulesVersion(trx, owner.organisation_id);
    const { rows } = await sql<Named>`
      update integrations i set enabled = false, disabled_reason = ${reason}, updated_at = now()
      from (select (select failing_since from integration_health where integration_id = ${integrationId}) as failing_since) h
      where i.id = ${integrationId} and i.enabled
        and (${afterMs === undefined} or h.failing_since <= clock_timestamp() - ${afterMs ?? 0} * interval '1 millisecond')
      returning i.name, i.type, h.failing_since as "failingSince"`.execute(trx);
    const integration = rows[0];
    if (!integration) return false;
    await appendOrganisationEvent(trx, owner.organisation_id, {
      id: `${integrationId}:disabled:${version}`,
      type: 'IntegrationDisabled',
      payload: { reason: `${integration.name}: ${reason}`, ...describe(integrationId, integration), last_error: lastError },
    });
    return true;
  });
}

/** Tells the organisation of the first dead letter since an integration began to fail (`IntegrationFailing`). */
export async function warnOfFailing(db: Db, integrationId: string, deadLetter: { deliveryId: string; lastError: string }): Promise<void> {
  await inTransaction(db, async (trx) => {
    const { rows } = await sql<Named & { organisationId: string }>`
      update integration_health h set warned_at = clock_timestamp() from integrations i
      where h.integration_id = ${integrationId} and h.failing_since is not null and h.warned_at is null
        and i.id = h.integration_id and i.enabled
      returning i.name, i.type, i.organisation_id as "organisationId", h.failing_since as "failingSince"`.execute(trx);
    const integration = rows[0];
    if (!integration?.failingSince) return;
    await appendOrganisationEvent(trx, integration.organisationId, {
      id: `${integrationId}:failing:${integration.failingSince.getTime()}`,
      type: 'IntegrationFailing',
      payload: {
        reason: `${integration.name}: a message was given up: ${deadLetter.lastError}`,
        ...describe(integrationId, integration),
        last_error: deadLetter.lastError,
        delivery_id: deadLetter.deliveryId,
      },
    });
  });
}

interface Named {
  name: string;
  type: string;
  failingSince: Date | null;
}

function describe(id: string, { name, type, failingSince }: Named): JsonObject {
  return { integration_id: id, integration_name: name, integration_type: type, failing_since: failingSince?.toISOString() ?? null };
}
