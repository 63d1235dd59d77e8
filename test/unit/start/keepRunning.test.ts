import { describe, expect, it } from 'vitest';
import { keepRunning, type Running } from '../../../bin/start/keepRunning.ts';

/** Something that can be started, and ends when it is stopped or dies. */
function createPart(startMs: (start: number) => number) {
  const running: { die: () => void }[] = [];
  let starts = 0;
  let stops = 0;
  return {
    starts: () => starts,
    /** Those that have been started and not ended. */
    alive: () => running.length,
    stops: () => stops,
    die: () => running.at(-1)?.die(),
    async start(): Promise<Running> {
      starts += 1;
      await new Promise((resolve) => setTimeout(resolve, startMs(starts)));
      const { promise: ended, resolve } = Promise.withResolvers<void>();
      const part = {
        die: () => {
          running.splice(running.indexOf(part), 1);
          resolve();
        },
      };
      running.push(part);
      const stop = () => {
        stops += 1;
        if (running.includes(part)) part.die();
        return Promise.resolve();
      };
      return { ended, stop };
    },
  };
}

describe('what is kept running', () => {
  it('is started again when it dies', async () => {
    const part = createPart(() => 1);
    const said: string[] = [];
    const { stop } = await keepRunning('Postgres', () => part.start(), (line) => said.push(line), new AbortController().signal);
    part.die();
    await expect.poll(() => part.starts()).toBe(2);
    await expect.poll(() => part.alive()).toBe(1);
    expect(said).toEqual(['Postgres has ended unexpectedly and is started again.']);
    await stop();
    expect(part.alive()).toBe(0);
  });

  it('is ended for good also when it is just being started again', async () => {
    const part = createPart((start) => (start === 1 ? 1 : 300));
    const { stop } = await keepRunning('Postgres', () => part.start(), () => undefined, new AbortController().signal);
    part.die();
    await expect.poll(() => part.starts()).toBe(2);
    await stop();
    expect(part.alive()).toBe(0);
  });
});
