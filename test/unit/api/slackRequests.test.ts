import { describe, expect, it } from 'vitest';
import { readClick } from '../../../api/slack/click.ts';
import { isSignedBySlack, readSlackSignature } from '../../../api/slack/signature.ts';

/** The example of Slack's documentation. */
const SECRET = '8f742231b10e8888abcd99yyyzzz85a5';
const TIMESTAMP = 1531420618;
const SIGNATURE = 'v0=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503';
const BODY = Buffer.from(
  'token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain=testteamnow&channel_id=G8PSS9T3V&channel_name=foobar' +
    '&user_id=U2CERLKJA&user_name=roadrunner&command=%2Fwebhook-collect&text=&response_url=https%3A%2F%2Fhooks.slack.com' +
    '%2Fcommands%2FT1DC2JH3J%2F397700885554%2F96rGlfmibIGlgcZRskXaIFfN&trigger_id=398738663015.47445629121.803a0bc887a14d10d2c447fce8b6703c',
);

describe("Slack's signature", () => {
  const read = (changes: { timestamp?: string; signature?: string } = {}, nowMs = TIMESTAMP * 1000) =>
    readSlackSignature({ timestamp: String(TIMESTAMP), signature: SIGNATURE, ...changes }, nowMs);

  it('is the one of the documentation', () => {
    expect(isSignedBySlack(SECRET, read()!, BODY)).toBe(true);
    expect(isSignedBySlack(`${SECRET}x`, read()!, BODY)).toBe(false);
    expect(isSignedBySlack(SECRET, read()!, Buffer.concat([BODY, Buffer.from(' ')]))).toBe(false);
    expect(isSignedBySlack(SECRET, read({ timestamp: String(TIMESTAMP + 1) })!, BODY)).toBe(false);
  });

  it('counts for five minutes, by either clock', () => {
    for (const offS of [-300, 0, 300]) expect(read({}, (TIMESTAMP + offS) * 1000)).toBeDefined();
    for (const offS of [-301, 301, 1e6]) expect(read({}, (TIMESTAMP + offS) * 1000)).toBeUndefined();
  });

  it.each([{ timestamp: '' }, { timestamp: '1531420618.5' }, { timestamp: '-1' }, { timestamp: undefined }, { signature: undefined }, { signature: SIGNATURE.slice(0, -1) }, { signature: SIGNATURE.toUpperCase() }])(
    'is none with %j',
    (changes) => {
      expect(read(changes)).toBeUndefined();
    },
  );
});

describe('a click', () => {
  const body = (payload: unknown) => Buffer.from(new URLSearchParams({ payload: JSON.stringify(payload) }).toString());
  const action = { action_id: 'herald_approve', value: 'dlv_0123' };
  const payload = { type: 'block_actions', user: { id: 'U1', name: 'alice' }, team: { id: 'T1' }, actions: [action], response_url: 'https://hooks.slack.com/actions/x' };

  it('says who wants what, and where to answer', () => {
    const responseUrl = 'https://hooks.slack.com/actions/x';
    expect(readClick(body(payload))).toEqual({ deliveryId: 'dlv_0123', decision: 'approve', teamId: 'T1', by: 'alice (Slack U1)', responseUrl });
    expect(readClick(body({ ...payload, actions: [{ ...action, action_id: 'herald_reject' }] }))).toMatchObject({ decision: 'reject' });
  });

  it('names its person by what Slack knows', () => {
    const by = (user: unknown) => readClick(body({ ...payload, user }))?.by;
    expect([by({ id: 'U1', username: 'al' }), by({ id: 'U1' }), by({ id: 'U1', name: 'a\0b\ud800' })]).toEqual(['al (Slack U1)', 'somebody (Slack U1)', 'ab\ufffd (Slack U1)']);
  });

  it.each([
    { ...payload, type: 'view_submission' },
    { ...payload, user: undefined },
    { ...payload, actions: [] },
    { ...payload, actions: [{ action_id: 'other', value: 'dlv_0123' }] },
    { ...payload, actions: [{ action_id: 'herald_approve' }] },
    { ...payload, actions: [{ action_id: 'herald_approve', value: "dlv_' or 1=1" }] },
    { ...payload, response_url: 'no url' },
    'text',
    null,
  ])('is none with %j', (other) => {
    expect(readClick(body(other))).toBeUndefined();
  });

  it('is none without a payload', () => {
    for (const text of ['', 'payload=', 'payload={', 'other=1']) expect(readClick(Buffer.from(text))).toBeUndefined();
  });
});
