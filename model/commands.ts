import { commandAllowed, type SessionCommand } from './session.ts';
import type { JsonObject, SessionStatus } from './types.ts';

const eventTypes: Record<SessionCommand, string> = {
  pause: 'ExecutionPaused',
  resume: 'ExecutionResumed',
  cancel: 'ExecutionCancelled',
  ask: 'ExecutionAwaitingConfirmation',
  decide: 'ExecutionResumed',
  message: 'UserMessageReceived',
};

/** The type of the event that a command becomes. */
export function commandEventType(command: SessionCommand): string {
  return eventTypes[command];
}

/**
 * The payload of the event that a command becomes, as rules and messages see it.
 *
 * @param confirmationId The confirmation that is asked for or answered.
 */
export function commandPayload(command: SessionCommand, given: JsonObject, by: string, confirmationId: string): JsonObject {
  const reason = given.reason ?? null;
  const because: JsonObject = reason === null ? {} : { reason };
  switch (command) {
    case 'cancel':
      return { reason: 'user_requested', outcome: 'cancelled', ...(reason === null ? {} : { end_state_reason: reason }), by };
    case 'ask':
      return { ...given, confirmation_id: confirmationId, by };
    case 'decide':
      return { confirmation_id: confirmationId, decision: decisionOf(given), decided_by: by, ...because };
    case 'message':
      return { ...given, by };
    default:
      return { ...because, by };
  }
}

/**
 * Whether an event is what a command became when it was sent before: the same command and, if it answers a question, the
 * same answer to the same question. Resuming and answering become events of one type.
 */
export function isSameCommand(event: { type: string; payload: JsonObject }, { command, payload }: { command: SessionCommand; payload: JsonObject }): boolean {
  if (event.type !== eventTypes[command]) return false;
  if (command === 'resume') return event.payload.decision === undefined;
  if (command !== 'decide') return true;
  return event.payload.confirmation_id === payload.confirmationId && event.payload.decision === decisionOf(payload);
}

/** What is said to a command whose request id became something else. */
export function usedOtherwise(requestId: string): string {
  return `The request id '${requestId}' was used for another command. Use a new one.`;
}

function decisionOf({ decision }: JsonObject): 'approved' | 'rejected' {
  return decision === 'approve' ? 'approved' : 'rejected';
}

/** Why a session in this status does not take a command; undefined when it does. */
export function refusalOf(status: SessionStatus, command: SessionCommand): string | undefined {
  return commandAllowed(status, command) ? undefined : `The session is ${status.replaceAll('_', ' ')}${needs[command]}`;
}

const needs: Record<SessionCommand, string> = {
  pause: '; only a running session can be paused.',
  resume: '; only a paused session can be resumed. A question is answered at its confirmation.',
  cancel: ' already.',
  ask: '; only a running session can ask for a confirmation.',
  decide: '; the question is not open any more.',
  message: '; nobody would read the message.',
};
