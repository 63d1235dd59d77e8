import type { JsonObject } from '../../model/types.ts';

const NOTE = 'This is a test message from Herald';

const examples: Record<string, JsonObject> = {
  ExecutionStarted: { tags: ['example'], inputs: { note: NOTE } },
  ExecutionCompleted: { outcome: 'success', result: NOTE, reasoning: 'Sent by hand to see whether it arrives' },
  ExecutionFailed: { reason: NOTE, outcome: 'failure' },
  ExecutionCancelled: { reason: 'user_requested', message: NOTE, outcome: 'cancelled' },
  ExecutionPaused: { reason: NOTE, question: 'Did this message arrive?' },
  ExecutionResumed: { reason: NOTE },
  ExecutionAwaitingConfirmation: { message: NOTE },
  ExecutionActionStarted: { name: 'example_tool', params: { note: NOTE } },
  ExecutionActionFailed: { message: NOTE, actionName: 'example_tool', error_type: 'ExampleError' },
  ExecutionStepStarted: { model: 'example-model', prompt: NOTE, prompt_tokens: 3, completion_tokens: 2 },
  ExecutionWorkflowUpdated: { tags: ['example'], message: NOTE },
  ExecutionReminder: { message: NOTE, waits_for: 'confirmation' },
  IntegrationFailing: { reason: NOTE, integration_name: 'example', integration_type: 'webhook', last_error: 'answered 503 Service Unavailable' },
  IntegrationDisabled: { reason: NOTE, integration_name: 'example', integration_type: 'webhook', last_error: 'answered 503 Service Unavailable' },
  UserMessageReceived: { message: NOTE, userUUID: '00000000-0000-4000-8000-000000000000' },
};

/** The payload of a test message of this event type. */
export function examplePayload(eventType: string): JsonObject {
  return examples[eventType] ?? { message: NOTE };
}
