import { sessionWorkflowId } from '../model/naming.ts';
import type { ApiSettings } from './dependencies.ts';

/** The session's workflow in the Temporal UI; null when no UI is configured. */
export function sessionInTemporalUi(
  settings: Pick<ApiSettings, 'temporalUiUrl' | 'temporal'>,
  organisationId: string,
  sessionId: string,
): string | null {
  if (!settings.temporalUiUrl) return null;
  const namespace = encodeURIComponent(settings.temporal.namespace);
  const workflow = encodeURIComponent(sessionWorkflowId(organisationId, sessionId));
  return `${settings.temporalUiUrl}/namespaces/${namespace}/workflows/${workflow}`;
}
