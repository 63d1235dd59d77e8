import { describe, expect, it } from 'vitest';
import type { SessionEvent } from '../../../model/types.ts';
import { createListening } from '../../../activities/listening.ts';
import { event } from '../model/samples.ts';

const LONG_MS = 60_000;

function hearing(maxEars = 10) {
  const listening = createListening(maxEars);
  listening.setHearing(true);
  return listening;
}

describe('an ear for the news of a session', () => {
  it('hears what comes while it waits, and what came before', async () => {
    const listening = hearing();
    const ear = listening.listen(1)!;
    listening.hear([1, 2]);
    expect(await ear.wait(LONG_MS)).toBe(true);
    const waiting = ear.wait(LONG_MS);
    listening.hear([1]);
    expect(await waiting).toBe(true);
  });

  it('hears each piece of news once, and none of other sessions', async () => {
    const listening = hearing();
    const ear = listening.listen(1)!;
    listening.hear([1]);
    expect(await ear.wait(LONG_MS)).toBe(true);
    listening.hear([2]);
    expect(await ear.wait(10)).toBe(false);
  });

  it('keeps the events that it hears of, until it hears of others or of too many', async () => {
    const listening = hearing();
    const ear = listening.listen(1)!;
    const [one, two, three, five] = [1, 2, 3, 5].map((seq) => event('Reported', { seq })) as [SessionEvent, SessionEvent, SessionEvent, SessionEvent];
    listening.hearEvents(1, [one, two]);
    listening.hearEvents(2, [five]);
    listening.hearEvents(1, [three]);
    expect(await ear.wait(LONG_MS)).toBe(true);
    expect(ear.take(1)).toEqual([two, three]);
    expect(ear.take(1)).toEqual([]);

    listening.hearEvents(1, [two]);
    listening.hear([1]);
    expect(ear.take(1)).toEqual([]);
    listening.hearEvents(1, [two]);
    expect(ear.take(1)).toEqual([two]);

    listening.hearEvents(1, [three, five]);
    expect(ear.take(2)).toEqual([]);
    listening.hearEvents(1, [five]);
    expect(ear.take(2)).toEqual([]);

    for (let seq = 6; seq <= 56; seq += 1) listening.hearEvents(1, [event('Reported', { seq })]);
    expect(ear.take(5)).toEqual([]);
  });

  it('does not wait on when nothing can be heard any more', async () => {
    const listening = hearing();
    const ear = listening.listen(1)!;
    const waiting = ear.wait(LONG_MS);
    listening.setHearing(false);
    await waiting;
    expect(await ear.wait(LONG_MS)).toBe(false);
  });

  it('is not to be had when nothing can be heard, or when there are enough', () => {
    expect(createListening(1).listen(1)).toBeUndefined();
    const listening = hearing(1);
    const first = listening.listen(1)!;
    expect(listening.listen(2)).toBeUndefined();
    first.close();
    expect(listening.listen(2)).toBeDefined();
  });
});
