import { replayWorkflowId, sessionWorkflowId } from '../model/naming.ts';
import type { ApiSettings } from './dependencies.ts';

/** The session's workflow in the Temporal UI; null when no UI is configured. */
export function sessionInTemporalUi(settings: UiSettings, organisationId: string, sessionId: string): string | null {
  return inTemporalUi(settings, sessionWorkflowId(organisationId, sessionId));
}

/** The replay's workflow in the Temporal UI; null when no UI is configured. */
export function replayInTemporalUi(settings: UiSettings, replayId: string): string | null {
  return inTemporalUi(settings, replayWorkflowId(replayId));
}

type UiSettings = Pick<ApiSettings, 'temporalUiUrl' | 'temporal'>;

function inTemporalUi(settings: UiSettings, workflowId: string): string | null {
  if (!settings.temporalUiUrl) return null;
  const namespace = encodeURIComponent(settings.temporal.namespace);
  return `${settings.temporalUiUrl}/namespaces/${namespace}/workflows/${encodeURIComponent(workflowId)}`;
}
