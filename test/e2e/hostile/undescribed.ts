import fc from 'fast-check';
import { approveAction, rejectAction } from '../../../activities/channels/slack/confirmation.ts';
import { signed } from '../../support/slackClick.ts';
import { encoded, type Target } from './operations.ts';
import { hostileJson, hostileText } from './values.ts';

/** What opens the pages and hooks that the API's description leaves out. */
export interface Doors {
  /** Texts of decision links. */
  links: string[];
  /** Messages that ask a question. */
  deliveries: string[];
  /** With which Slack signs its requests. */
  signingSecret: string;
  /** Of installs of the Slack app that have begun. */
  tickets: string[];
  /** Browsers that come back from Slack: the query, and their cookie. */
  returns: { query: Record<string, string>; cookie: string }[];
}

/** Every route that is not in the API's description: people's pages, Slack's requests, and the description itself. */
export function undescribedTargets(doors: Doors): Target[] {
  const link = nearly(doors.links);
  return [
    ...['/openapi.json', '/openapi.yaml', '/v2/openapi.yaml', '/docs'].map((path) => get(path, fields({ x: hostileText }), fc.constant({}))),
    get('/decide', fields({ link }), fc.constant({})),
    {
      name: 'POST /decide',
      requests: fc.record({ query: fields({ link }), body: fc.oneof({ weight: 5, arbitrary: answers }, { weight: 1, arbitrary: noForms }) }).map(({ query, body }) => ({
        method: 'post',
        path: `/decide?${query}`,
        headers: form,
        body,
      })),
    },
    {
      name: 'POST /slack/interactions',
      requests: fc.oneof(
        { weight: 5, arbitrary: clicks(doors).map((text) => signedRequest(text, doors.signingSecret)) },
        { weight: 2, arbitrary: hostileText.map((text) => signedRequest(`payload=${encoded(text)}`, doors.signingSecret)) },
        { weight: 2, arbitrary: noForms.map((bytes) => signedRequest(bytes.toString('latin1'), doors.signingSecret)) },
        { weight: 1, arbitrary: fc.tuple(clicks(doors), hostileText).map(([text, secret]) => signedRequest(text, `x${secret}`)) },
        { weight: 1, arbitrary: fc.tuple(noForms, headerText, headerText).map(([body, timestamp, signature]) => ({ method: 'post', path: '/slack/interactions', headers: { 'x-slack-request-timestamp': timestamp, 'x-slack-signature': signature }, body })) },
      ),
    },
    get('/slack/install', fields({ ticket: nearly(doors.tickets) }), cookies),
    get(
      '/slack/oauth/callback',
      fc.constantFrom(...doors.returns).chain(({ query }) => fields(Object.fromEntries(Object.entries(query).map(([name, value]) => [name, nearly([value])])))),
      fc.oneof(cookies, fc.constantFrom(...doors.returns.map(({ cookie }) => ({ cookie })))),
    ),
  ];
}

const form = { 'content-type': 'application/x-www-form-urlencoded' };

const answers = fields({ decision: fc.oneof(fc.constantFrom('approve', 'reject'), hostileText), name: hostileText, reason: hostileText }).map((text) => Buffer.from(text));

const noForms = fc.oneof(
  fc.uint8Array({ maxLength: 80 }).map((bytes) => Buffer.from(bytes)),
  fc.constantFrom('', '%', 'payload=%ff%fe&decision=%zz', '&'.repeat(5000), 'payload=null', 'payload=%7B', `payload=${'%5B'.repeat(50_000)}`, `name=${'x'.repeat(1_100_000)}`).map((text) => Buffer.from(text)),
);

const headerText = fc.constantFrom('', '0', '-1', '9'.repeat(300), '1e9', String(Math.floor(Date.now() / 1000)), 'v0=', `v0=${'0'.repeat(64)}`, '\u00ff');

const cookies = fc.constantFrom<Record<string, string>>({}, { cookie: '' }, { cookie: 'slack-app-oauth-state=x' }, { cookie: '='.repeat(2000) }, { cookie: 'a=%zz; __proto__=1' });

/** What Slack sends for clicks, as text of a form. */
function clicks({ deliveries }: Doors): fc.Arbitrary<string> {
  const text = fc.oneof({ weight: 4, arbitrary: fc.constantFrom('alice', 'U1') }, { weight: 1, arbitrary: hostileJson });
  const action = fc.record({ action_id: fc.constantFrom(approveAction, rejectAction, 'other'), value: fc.oneof({ weight: 4, arbitrary: nearly(deliveries) }, { weight: 1, arbitrary: hostileJson }) });
  const payload = fc.record(
    {
      type: fc.oneof({ weight: 9, arbitrary: fc.constant('block_actions') }, { weight: 1, arbitrary: hostileText }),
      user: fc.oneof({ weight: 9, arbitrary: fc.record({ id: text, name: text }) }, { weight: 1, arbitrary: hostileJson }),
      team: fc.oneof(fc.constant(null), hostileJson, fc.record({ id: text })),
      actions: fc.oneof({ weight: 9, arbitrary: fc.array(action, { minLength: 1, maxLength: 3 }) }, { weight: 1, arbitrary: hostileJson }),
      response_url: fc.oneof(fc.constantFrom('http://127.0.0.1:9/', 'http://169.254.169.254/latest', 'file:///etc/passwd'), hostileText),
    },
    { requiredKeys: ['type', 'user', 'actions'] },
  );
  return fc.oneof({ weight: 9, arbitrary: payload }, { weight: 1, arbitrary: hostileJson }).map((value) => `payload=${encoded(JSON.stringify(value))}`);
}

function signedRequest(text: string, secret: string) {
  const { body, headers } = signed(text, { secret });
  return { method: 'post', path: '/slack/interactions', headers, body: Buffer.from(body) };
}

function get(path: string, queries: fc.Arbitrary<string>, headers: fc.Arbitrary<Record<string, string>>): Target {
  return { name: `GET ${path}`, requests: fc.tuple(queries, headers).map(([query, given]) => ({ method: 'get', path: `${path}?${query}`, headers: given })) };
}

/** One of the texts in most cases, sometimes a part of one, sometimes something else. */
function nearly(texts: string[]): fc.Arbitrary<string> {
  const right = fc.constantFrom(...texts);
  return fc.oneof({ weight: 7, arbitrary: right }, { weight: 1, arbitrary: right.map((text) => text.slice(0, -1)) }, { weight: 1, arbitrary: right.map((text) => `${text}A`) }, { weight: 2, arbitrary: hostileText });
}

/** A query or form; now and then a field is missing or comes twice. */
function fields(values: Record<string, fc.Arbitrary<string>>): fc.Arbitrary<string> {
  const pairs = Object.entries(values).map(([name, value]) => {
    const pair = value.map((text) => `${name}=${encoded(text)}`);
    return fc.oneof({ weight: 12, arbitrary: fc.tuple(pair) }, { weight: 1, arbitrary: fc.constant([]) }, { weight: 1, arbitrary: fc.tuple(pair, pair) });
  });
  return fc.tuple(...pairs).map((all) => all.flat().join('&'));
}
