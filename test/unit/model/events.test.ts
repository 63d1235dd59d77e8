import { describe, expect, it } from 'vitest';
import {
  canonicalEventType,
  eventCatalogue,
  eventConstant,
  findEventType,
  nearestEventType,
  spacedEventName,
} from '../../../model/events.ts';

describe('the event catalogue', () => {
  it("has the seed's twelve types, in its order and categories, and what Herald itself tells", () => {
    expect(eventCatalogue.map(({ name, category }) => `${category} ${name}`)).toEqual([
      'status ExecutionStarted',
      'status ExecutionCompleted',
      'status ExecutionFailed',
      'status ExecutionCancelled',
      'status ExecutionPaused',
      'status ExecutionResumed',
      'status ExecutionAwaitingConfirmation',
      'action ExecutionActionStarted',
      'action ExecutionActionFailed',
      'details ExecutionStepStarted',
      'details ExecutionWorkflowUpdated',
      'details UserMessageReceived',
      'details ExecutionReminder',
      'organisation IntegrationFailing',
      'organisation IntegrationDisabled',
    ]);
  });

  it('gives exactly the status events a state', () => {
    for (const type of eventCatalogue) expect(type.status !== undefined).toBe(type.category === 'status');
  });

  it('describes each type and its payload fields', () => {
    for (const type of eventCatalogue) {
      expect(type.description).toMatch(/^Triggered when .*\.$/);
      expect(type.payloadFields.length).toBeGreaterThan(0);
    }
  });
});

describe('names of event types', () => {
  it.each([
    ['ExecutionFailed', 'EXECUTION_FAILED', 'Execution Failed'],
    ['ExecutionAwaitingConfirmation', 'EXECUTION_AWAITING_CONFIRMATION', 'Execution Awaiting Confirmation'],
    ['UserMessageReceived', 'USER_MESSAGE_RECEIVED', 'User Message Received'],
  ])('knows %s as %s and as %s', (name, constant, spaced) => {
    expect(eventConstant(name)).toBe(constant);
    expect(spacedEventName(name)).toBe(spaced);
    expect(canonicalEventType(constant)).toBe(name);
    expect(canonicalEventType(name)).toBe(name);
    expect(findEventType(constant)?.name).toBe(name);
  });

  it.each(['order.shipped', 'OrderShipped', 'a', 'constructor', 'x'.repeat(100), 'executionfailed'])(
    'leaves the custom name %s as it is',
    (name) => {
      expect(canonicalEventType(name)).toBe(name);
      expect(eventConstant(name)).toBe(name);
      expect(findEventType(name)).toBeUndefined();
    },
  );

  it.each(['', '1st', '.a', 'with space', 'a/b', 'ä', 'x'.repeat(101), 'a\n', '__proto__'])(
    'refuses %j as a name',
    (name) => {
      expect(canonicalEventType(name)).toBeUndefined();
    },
  );

  it.each([
    ['order.shipped', 'Order Shipped'],
    ['OrderShipped', 'Order Shipped'],
    ['payment_declined-again', 'Payment Declined Again'],
    ['HTTPError', 'HTTP Error'],
    ['step2Done', 'Step2 Done'],
  ])('spaces the custom name %s as %s', (name, spaced) => {
    expect(spacedEventName(name)).toBe(spaced);
  });

  it.each([
    ['ExecutionFail', 'ExecutionFailed'],
    ['execution_failed', 'ExecutionFailed'],
    ['ExecutionCanceled', 'ExecutionCancelled'],
    ['ExecutionComplete', 'ExecutionCompleted'],
    ['ActionFailed', 'ExecutionActionFailed'],
    ['failed', 'ExecutionFailed'],
    ['MessageReceived', 'UserMessageReceived'],
  ])('guesses that %s is meant to be %s', (name, meant) => {
    expect(nearestEventType(name)).toBe(meant);
  });

  it('guesses nothing for a name it knows, and something for any other', () => {
    expect(nearestEventType('ExecutionFailed')).toBeUndefined();
    expect(nearestEventType('EXECUTION_FAILED')).toBeUndefined();
    expect(eventCatalogue.map((type) => type.name)).toContain(nearestEventType('order.shipped'));
  });
});
