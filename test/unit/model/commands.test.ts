import { describe, expect, it } from 'vitest';
import { commandEventType, commandPayload, isSameCommand } from '../../../model/commands.ts';
import type { SessionCommand } from '../../../model/session.ts';
import type { JsonObject } from '../../../model/types.ts';

const became = (command: SessionCommand, payload: JsonObject = {}, confirmationId = 'cnf_1') => ({
  type: commandEventType(command),
  payload: commandPayload(command, payload, 'sarah', confirmationId),
});
const approve = { confirmationId: 'cnf_1', decision: 'approve', reason: null };

describe('a command that is sent again', () => {
  it.each(['pause', 'resume', 'cancel', 'ask', 'message'] as const)('is the same when it is the same command: %s', (command) => {
    expect(isSameCommand(became(command, { message: 'Refund?' }), { command, payload: {} })).toBe(true);
    expect(isSameCommand(became(command), { command: command === 'cancel' ? 'pause' : 'cancel', payload: {} })).toBe(false);
  });

  it('is the same decision for the same question and answer only', () => {
    const known = became('decide', approve);
    expect(isSameCommand(known, { command: 'decide', payload: { ...approve, reason: 'Within the limit' } })).toBe(true);
    expect(isSameCommand(known, { command: 'decide', payload: { ...approve, decision: 'reject' } })).toBe(false);
    expect(isSameCommand(known, { command: 'decide', payload: { ...approve, confirmationId: 'cnf_2' } })).toBe(false);
  });

  it('is no decision when it resumed the session, and the other way about', () => {
    expect(isSameCommand(became('resume'), { command: 'decide', payload: approve })).toBe(false);
    expect(isSameCommand(became('decide', approve), { command: 'resume', payload: {} })).toBe(false);
  });
});
