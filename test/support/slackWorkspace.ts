import type { Json, JsonObject } from '../../model/types.ts';
import { blockProblems } from './slackBlocks.ts';

export interface SlackChannel {
  /** `C0…`; made up when absent. */
  id?: string;
  /** Without `#`. */
  name: string;
  /** Whether the app is in it. Default true. */
  is_member?: boolean;
  is_private?: boolean;
  is_archived?: boolean;
}

/** A message that Slack accepted. */
export interface SlackMessage {
  via: 'webhook' | 'api';
  /** Channel name for the Web API; null for an incoming webhook. */
  channel: string | null;
  /** What notifications and screen readers show, still escaped. */
  text: string;
  blocks: Json[];
  attachments: Json[];
  ts: string;
  at: Date;
}

/** A workspace with one app in it. */
export interface SlackWorkspace {
  channels: Required<SlackChannel>[];
  messages: SlackMessage[];
  /** How many messages there ever were, also when a test has emptied the list: a `ts` names one message only. */
  posted: number;
  /** Scopes that the app was not given. */
  missingScopes: Set<string>;
}

export function createWorkspace(channels: SlackChannel[]): SlackWorkspace {
  return {
    messages: [],
    posted: 0,
    missingScopes: new Set(),
    channels: channels.map((channel, index) => ({
      id: `C${String(index + 1).padStart(10, '0')}`,
      is_member: true,
      is_private: false,
      is_archived: false,
      ...channel,
    })),
  };
}

/** One call of the Web API, answered as Slack documents the method. */
export function callMethod(workspace: SlackWorkspace, method: string, args: JsonObject): JsonObject {
  switch (method) {
    case 'auth.test':
      return { ok: true, url: 'https://stand-in.slack.com/', team: 'Stand-in', user: 'herald', team_id: 'T0000000001', user_id: 'U0000000001', bot_id: 'B0000000001' };
    case 'chat.postMessage':
      return postMessage(workspace, args);
    case 'chat.update':
      return updateMessage(workspace, args);
    case 'conversations.list':
      return listChannels(workspace, args);
    case 'conversations.join':
      return joinChannel(workspace, args);
    default:
      return refusal('unknown_method');
  }
}

/** Posts through an incoming webhook: the code of the error, or undefined. */
export function postToWebhook(workspace: SlackWorkspace, body: JsonObject): string | undefined {
  const problem = messageProblem(body);
  if (problem) return problem.error;
  keepMessage(workspace, 'webhook', null, body);
  return undefined;
}

function postMessage(workspace: SlackWorkspace, args: JsonObject): JsonObject {
  const channel = findChannel(workspace, args.channel);
  if (!channel || (channel.is_private && !channel.is_member)) return refusal('channel_not_found');
  if (channel.is_archived) return refusal('is_archived');
  if (!channel.is_member) return refusal('not_in_channel');
  const problem = messageProblem(args);
  if (problem) return problem;
  const { ts, text, blocks, attachments } = keepMessage(workspace, 'api', channel.name, args);
  return { ok: true, channel: channel.id, ts, message: { type: 'message', bot_id: 'B0000000001', text, ts, blocks, attachments } };
}

function updateMessage(workspace: SlackWorkspace, args: JsonObject): JsonObject {
  const channel = findChannel(workspace, args.channel);
  if (!channel) return refusal('channel_not_found');
  const message = workspace.messages.find(({ ts, channel: name }) => ts === args.ts && name === channel.name);
  if (!message) return refusal('message_not_found');
  const problem = messageProblem(args);
  if (problem) return problem;
  Object.assign(message, contentOf(args));
  return { ok: true, channel: channel.id, ts: message.ts, text: message.text };
}

function listChannels(workspace: SlackWorkspace, args: JsonObject): JsonObject {
  const types = typeof args.types === 'string' ? args.types.split(',') : ['public_channel'];
  if (types.includes('public_channel') && workspace.missingScopes.has('channels:read')) return missingScope('channels:read');
  if (types.includes('private_channel') && workspace.missingScopes.has('groups:read')) return missingScope('groups:read');
  const limit = Number(args.limit ?? 100);
  const start = Number(args.cursor || 0);
  const listed = workspace.channels.filter(({ is_private, is_member, is_archived }) => {
    if (is_archived && (args.exclude_archived === true || args.exclude_archived === 'true')) return false;
    return is_private ? is_member && types.includes('private_channel') : types.includes('public_channel');
  });
  const more = start + limit < listed.length;
  const page = listed.slice(start, start + limit).map((channel) => ({ ...channel, is_channel: true }));
  return { ok: true, channels: page, response_metadata: { next_cursor: more ? String(start + limit) : '' } };
}

function joinChannel(workspace: SlackWorkspace, args: JsonObject): JsonObject {
  if (workspace.missingScopes.has('channels:join')) return missingScope('channels:join');
  const channel = workspace.channels.find(({ id }) => id === args.channel);
  if (!channel) return refusal('channel_not_found');
  if (channel.is_archived) return refusal('is_archived');
  if (channel.is_private) return refusal('method_not_supported_for_channel_type');
  channel.is_member = true;
  return { ok: true, channel: { ...channel } };
}

function messageProblem(body: JsonObject): Refusal | undefined {
  const problems = blockProblems(body);
  if (problems.length > 0) {
    return { ...refusal('invalid_blocks'), errors: problems, response_metadata: { messages: problems } };
  }
  const { text, blocks, attachments } = contentOf(body);
  if (text === '' && blocks.length === 0 && attachments.length === 0) return refusal('no_text');
  return text.length > 40_000 ? refusal('msg_too_long') : undefined;
}

function keepMessage(workspace: SlackWorkspace, via: SlackMessage['via'], channel: string | null, body: JsonObject): SlackMessage {
  const at = new Date();
  workspace.posted += 1;
  const ts = `${Math.floor(at.getTime() / 1000)}.${String(workspace.posted).padStart(6, '0')}`;
  const message = { via, channel, ts, at, ...contentOf(body) };
  workspace.messages.push(message);
  return message;
}

function contentOf({ text, blocks, attachments }: JsonObject): Pick<SlackMessage, 'text' | 'blocks' | 'attachments'> {
  return {
    text: typeof text === 'string' ? text : '',
    blocks: Array.isArray(blocks) ? blocks : [],
    attachments: Array.isArray(attachments) ? attachments : [],
  };
}

function findChannel(workspace: SlackWorkspace, wanted: Json | undefined): Required<SlackChannel> | undefined {
  return workspace.channels.find(({ id, name }) => wanted === id || wanted === name || wanted === `#${name}`);
}

interface Refusal extends JsonObject {
  ok: false;
  error: string;
}

function refusal(error: string): Refusal {
  return { ok: false, error };
}

function missingScope(needed: string): JsonObject {
  return { ...refusal('missing_scope'), needed, provided: 'chat:write' };
}
