/** Task queue of session workflows and of the first attempts they dispatch. */
export const SESSION_TASK_QUEUE = 'herald-sessions';
/** Task queue of delivery workflows and of retries: a backlog here holds up no session. */
export const DELIVERY_TASK_QUEUE = 'herald-deliveries';

/** Search attributes that Herald registers, all of type Keyword. */
export const SEARCH_ATTRIBUTES = {
  organisation: 'HeraldOrganisation',
  agent: 'HeraldAgent',
  session: 'HeraldSession',
  status: 'HeraldStatus',
  integration: 'HeraldIntegration',
  deliveryStatus: 'HeraldDeliveryStatus',
} as const;

/** The id under which a session's workflow is found in the Temporal UI. */
export function sessionWorkflowId(organisationId: string, sessionId: string): string {
  return `session/${organisationId}/${sessionId}`;
}

/** The id of the workflow that retries one delivery. */
export function deliveryWorkflowId(deliveryId: string): string {
  return `delivery/${deliveryId}`;
}

/** The id of the workflow that takes one replay further. */
export function replayWorkflowId(replayId: string): string {
  return `replay/${replayId}`;
}

/** The id of the workflow that shows in one sent message how its question was answered. */
export function settlingWorkflowId(deliveryId: string): string {
  return `settling/${deliveryId}`;
}

/** Names under which the Temporal server knows Herald's workflows and signals. */
export const SESSION_WORKFLOW = 'session';
export const DELIVERY_WORKFLOW = 'delivery';
export const REPLAY_WORKFLOW = 'replay';
export const SETTLING_WORKFLOW = 'settling';
export const REPLAY_CANCELLED_SIGNAL = 'cancelled';
export const NEWS_SIGNAL = 'news';
export const COMMAND_UPDATE = 'command';

/** The session of an organisation to which events about the organisation itself are appended. */
export const ORGANISATION_SESSION = 'herald';
