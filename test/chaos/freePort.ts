import { randomInt } from 'node:crypto';
import { isFree } from '../../embedded/ports.ts';

/**
 * A port that nobody listens on, below the range from which outgoing connections take theirs: an API that is killed
 * must find its port again.
 */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = randomInt(14_000, 19_000);
    if ((await isFree(port)) && (await isFree(port, 'everywhere'))) return port;
  }
}
