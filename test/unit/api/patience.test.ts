import { describe, expect, it } from 'vitest';
import { patiently } from '../../../api/patience.ts';

const away = Object.assign(new Error('connect ECONNREFUSED 127.0.0.1:5432'), { code: 'ECONNREFUSED' });

describe('a question to Postgres', () => {
  it('is asked again while Postgres is away', async () => {
    let asked = 0;
    expect(await patiently(() => (++asked < 3 ? Promise.reject(away) : Promise.resolve('answer')))).toBe('answer');
    expect(asked).toBe(3);
  });

  it('is given up when the patience ends', async () => {
    let asked = 0;
    await expect(patiently(() => (asked++, Promise.reject(away)), 600)).rejects.toBe(away);
    expect(asked).toBe(3);
  });

  it('is not asked again when it was wrong', async () => {
    let asked = 0;
    await expect(patiently(() => (asked++, Promise.reject(new Error('syntax error'))))).rejects.toThrow('syntax error');
    expect(asked).toBe(1);
  });
});
