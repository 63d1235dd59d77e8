import { commandEventType, isSameCommand, refusalOf, usedOtherwise } from '../model/commands.ts';
import { findEventType } from '../model/events.ts';
import { isEnded, type SessionCommand } from '../model/session.ts';
import type { JsonObject, SessionStatus } from '../model/types.ts';
import { findCommandedSession, findCommandEvent } from '../store/commands.ts';
import type { Db } from '../store/database.ts';
import type { Workflows } from '../temporal/workflows.ts';
import { patiently } from './patience.ts';

/** What somebody wants of a session. */
export interface CommandRequest {
  /** What was carried out under an id is answered again, and not done again; what was refused is judged again. 1 to 255 characters. */
  requestId: string;
  command: SessionCommand;
  /** Fields of the event that the command becomes (model/commands.ts). */
  payload: JsonObject;
  /** Who wants it, for people. */
  by: string;
}

export type CommandAnswer =
  /** `status` is the session's after the command. */
  | { outcome: 'done'; eventId: string; seq: number; status: SessionStatus }
  /** The session's state does not allow it; `why` is a sentence for people. */
  | { outcome: 'refused'; status: SessionStatus; why: string }
  | { outcome: 'no_session' }
  /** The Temporal server or its workers did not answer in time. The same request may be sent again. */
  | { outcome: 'unavailable' };

/** An answer to a confirmation. */
export interface DecisionRequest extends CommandRequest {
  command: 'decide';
  payload: { confirmationId: string; decision: 'approve' | 'reject'; reason: string | null };
}

/** Commands to sessions. Each is carried out by the session's workflow and becomes an event of the session. */
export interface Commands {
  run(organisationId: string, sessionId: string, request: CommandRequest): Promise<CommandAnswer>;
  decideConfirmation(organisationId: string, sessionId: string, request: DecisionRequest): Promise<CommandAnswer>;
}

export function createCommands({ db, workflows }: { db: Db; workflows: Pick<Workflows, 'commandSession'> }): Commands {
  async function run(organisationId: string, sessionId: string, request: CommandRequest): Promise<CommandAnswer> {
    const session = await patiently(() => findCommandedSession(db, organisationId, sessionId));
    if (!session) return { outcome: 'no_session' };
    const refuse = (status: SessionStatus, why: string): CommandAnswer => ({ outcome: 'refused', status, why });
    const findKnown = () => patiently(() => findCommandEvent(db, session.key, request.requestId));
    // What was carried out is known for ever, and an end is final: neither needs the workflow, which may have closed.
    const known = await findKnown();
    if (known) {
      if (!isSameCommand(known, request)) return refuse(session.status, usedOtherwise(request.requestId));
      const status = findEventType(commandEventType(request.command))?.status ?? session.status;
      return { outcome: 'done', eventId: known.id, seq: known.seq, status };
    }
    const refusal = isEnded(session.status) ? refusalOf(session.status, request.command) : undefined;
    if (refusal !== undefined) return refuse(session.status, refusal);

    const answer = await workflows.commandSession({ organisationId, sessionId, sessionKey: session.key }, request, session.lastSeq);
    if (answer === 'unavailable') return { outcome: 'unavailable' };
    if (answer.outcome === 'refused') return answer;
    // The answer may be that of another command, which came under the same id at the same moment.
    const carriedOut = await findKnown();
    if (!carriedOut || !isSameCommand(carriedOut, request)) return refuse(answer.status, usedOtherwise(request.requestId));
    return { outcome: 'done', eventId: answer.eventId, seq: answer.seq, status: answer.status };
  }

  return { run, decideConfirmation: run };
}
