import { z } from 'zod';
import { canonicalEventType } from '../../model/events.ts';
import { messageText } from '../../model/messageText.ts';
import type { Json } from '../../model/types.ts';

/** The parts of Herald's envelope that are shown; everything may be missing, because anybody may send anything. */
const envelope = z.object({
  event_id: z.string(),
  timestamp: z.string(),
  info: z.object({
    event: z.string(),
    execution_id: z.string(),
    execution_url: z.string(),
    agent_id: z.string(),
    agent_name: z.string(),
    payload: z.record(z.string(), z.json()),
    metadata: z.record(z.string(), z.string()),
    sequence: z.number().optional(),
    test: z.boolean().optional(),
  }),
});

export interface Arrival {
  at: Date;
  id: string;
  /** How often the id arrived before. */
  seenBefore: number;
  signature: string;
  answer: string;
  body: string;
}

/** A message as a person at the terminal likes to read it. */
export function describeArrival(arrival: Arrival): string {
  const json = parse(arrival.body);
  const message = envelope.safeParse(json);
  const lines = message.success ? describeMessage(message.data) : describeOther(json, arrival.body);
  const duplicate = arrival.seenBefore > 0 ? ` DUPLICATE, arrived ${times(arrival.seenBefore)} before` : '';
  return [
    `${clock(arrival.at)}  ${lines.title}`,
    ...lines.facts,
    row('delivery', `${arrival.id || 'without webhook-id'}${duplicate}`),
    row('signature', arrival.signature),
    row('answered', arrival.answer),
    ...indented(lines.content),
    '',
  ].join('\n');
}

interface Described {
  title: string;
  facts: string[];
  content: string;
}

function describeMessage({ event_id, timestamp, info }: z.infer<typeof envelope>): Described {
  const text = messageText(canonicalEventType(info.event) ?? info.event, info.payload);
  const metadata = Object.entries(info.metadata).map(([key, value]) => `${key}=${value}`);
  const position = info.sequence === undefined ? '' : ` · number ${info.sequence} of its session`;
  return {
    title: printable(info.test ? `[Test] ${text}` : text),
    facts: [
      row('agent', `${info.agent_name} (${info.agent_id})`),
      row('session', info.execution_id),
      row('open', info.execution_url),
      row('event', `${event_id}${position} · happened ${timestamp}`),
      ...(metadata.length > 0 ? [row('metadata', metadata.join(', '))] : []),
    ],
    content: JSON.stringify(info.payload, null, 2),
  };
}

function describeOther(json: Json | undefined, body: string): Described {
  return {
    title: 'A message outside of the envelope, such as an unwrapped result',
    facts: [],
    content: json === undefined ? body : JSON.stringify(json, null, 2),
  };
}

function row(name: string, value: string): string {
  return `          ${name.padEnd(10)} ${printable(value)}`;
}

function indented(text: string): string[] {
  return text.split('\n').map((line) => `          ${printable(line)}`);
}

/** Control characters could play tricks on the terminal. */
function printable(text: string): string {
  return text.replace(/\p{Cc}/gu, '\uFFFD');
}

function clock(at: Date): string {
  return at.toTimeString().slice(0, 8);
}

function times(count: number): string {
  return count === 1 ? 'once' : `${count} times`;
}

function parse(body: string): Json | undefined {
  try {
    const parsed: Json = JSON.parse(body);
    return parsed;
  } catch {
    return undefined;
  }
}
