import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Inbox } from '../../../workflows/inbox.ts';
import { event } from '../model/samples.ts';

const news = (...seqs: number[]) => ({ lastSeq: Math.max(0, ...seqs), events: seqs.map((seq) => event('Reported', { seq })) });
const seqsReady = (inbox: Inbox, limit?: number) => inbox.ready(limit).map(({ seq }) => seq);

describe('an inbox', () => {
  it('offers the events that follow the last decided one, up to the first gap', () => {
    const inbox = new Inbox(2, 2);
    inbox.hear(news(3, 4, 6));
    expect(seqsReady(inbox)).toEqual([3, 4]);
    expect(inbox.hasWork).toBe(true);
    expect(inbox.lacksSome).toBe(true);
  });

  it('offers what it had heard too early once the gap is filled', () => {
    const inbox = new Inbox(0, 0);
    inbox.hear(news(3));
    inbox.hear(news(1, 2));
    expect(seqsReady(inbox)).toEqual([1, 2, 3]);
    expect(inbox.lacksSome).toBe(false);
  });

  it('forgets what was decided, also by somebody else', () => {
    const inbox = new Inbox(0, 0);
    inbox.hear(news(1, 2, 3, 4));
    inbox.decidedUpTo(3);
    inbox.hear(news(1, 2, 3));
    expect(seqsReady(inbox)).toEqual([4]);
    inbox.decidedUpTo(9);
    expect(inbox.hasWork).toBe(false);
  });

  it('knows of events that it was only told about', () => {
    const inbox = new Inbox(0, 0);
    inbox.hear({ lastSeq: 7, events: [] });
    expect(inbox.hasWork).toBe(true);
    expect(inbox.ready()).toEqual([]);
  });

  it('takes the missing event, however many later ones have come before it', () => {
    const inbox = new Inbox(0, 0);
    inbox.hear(news(...Array.from({ length: 3000 }, (_, index) => index + 2)));
    inbox.hear(news(1));
    expect(seqsReady(inbox, 3)).toEqual([1, 2, 3]);
  });

  it('does not wait for events that turned out not to exist', () => {
    const inbox = new Inbox(0, 0);
    inbox.hear({ lastSeq: 7, events: [event('Reported', { seq: 1 })] });
    inbox.expectNoMore();
    inbox.decidedUpTo(1);
    expect(inbox.hasWork).toBe(false);
  });

  it('gives every event once and in order, whatever is lost, doubled or out of order on the way', () => {
    const scenario = fc.record({
      total: fc.integer({ min: 1, max: 60 }),
      batch: fc.integer({ min: 1, max: 7 }),
      letters: fc.array(fc.array(fc.nat(), { maxLength: 8 }), { maxLength: 40 }),
    });
    fc.assert(
      fc.property(scenario, ({ total, batch, letters }) => {
        const inbox = new Inbox(0, 0);
        const decided: number[] = [];
        const decideSome = () => {
          const ready = seqsReady(inbox, batch);
          decided.push(...ready);
          inbox.decidedUpTo(inbox.watermark + ready.length);
        };
        for (const letter of letters) {
          inbox.hear(news(...letter.map((number) => (number % total) + 1)));
          decideSome();
        }
        inbox.hear({ lastSeq: total, events: [] });
        while (inbox.hasWork) {
          // What the workflow does: it loads a page of what follows.
          if (inbox.lacksSome) inbox.hear(news(...[1, 2, 3].map((ahead) => inbox.readyUpTo + ahead).filter((seq) => seq <= total)));
          decideSome();
        }
        expect(decided).toEqual(Array.from({ length: total }, (_, index) => index + 1));
      }),
    );
  });
});
