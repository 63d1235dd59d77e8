import { textOf } from '../../../model/payload.ts';
import type { Json, JsonObject } from '../../../model/types.ts';

export interface Detail {
  label: string;
  text: string;
}

interface Part {
  label: string;
  /** The first of these payload fields that has a value is shown. */
  fields: string[];
}

const reason: Part = { label: 'Reason', fields: ['reason', 'end_state_reason'] };
const name: Part = { label: 'Action', fields: ['actionName', 'action_name', 'name', 'action_type'] };
const error: Part = { label: 'Error', fields: ['os_error', 'error', 'exception', 'details'] };
const said: Part = { label: 'Message', fields: ['message', 'question', 'text'] };

const integrationParts: Part[] = [
  { label: 'Integration', fields: ['integration_name', 'integration_id'] },
  reason,
  { label: 'Last error', fields: ['last_error'] },
];

const partsByType: Record<string, Part[]> = {
  ExecutionCompleted: [
    { label: 'Outcome', fields: ['outcome'] },
    { label: 'Result', fields: ['result'] },
    { label: 'Reasoning', fields: ['reasoning', 'reason'] },
  ],
  ExecutionFailed: [reason, error],
  ExecutionCancelled: [reason],
  ExecutionPaused: [reason, { label: 'Question', fields: ['question'] }],
  ExecutionAwaitingConfirmation: [reason, said],
  ExecutionActionFailed: [name, { label: 'Reason', fields: ['message', 'reason', 'error_type'] }, error],
  ExecutionActionStarted: [name, { label: 'Input', fields: ['params', 'input'] }],
  ExecutionStepStarted: [{ label: 'Model', fields: ['model'] }, { label: 'Answer', fields: ['completion'] }],
  UserMessageReceived: [said],
  ExecutionReminder: [said, { label: 'Due', fields: ['due_at'] }],
  IntegrationFailing: integrationParts,
  IntegrationDisabled: integrationParts,
};

const mostFields = 8;

/** What a person wants to know about an event at a glance; of an unknown type the first fields of its payload. */
export function detailsOf(eventType: string, payload: JsonObject): Detail[] {
  const parts = Object.hasOwn(partsByType, eventType) ? partsByType[eventType] : undefined;
  return (parts ?? everyField(payload)).flatMap(({ label, fields }) => {
    const text = fields.map((field) => readable(payload, field)).find((value) => value !== '');
    return text === undefined ? [] : [{ label, text }];
  });
}

function everyField(payload: JsonObject): Part[] {
  return Object.keys(payload)
    .slice(0, mostFields)
    .map((field) => ({ label: field, fields: [field] }));
}

function readable(payload: JsonObject, field: string): string {
  const value: Json | undefined = Object.hasOwn(payload, field) ? payload[field] : undefined;
  if (value === undefined || value === null) return '';
  return (typeof value === 'object' ? JSON.stringify(value, null, 2) : textOf(value)).trim();
}
