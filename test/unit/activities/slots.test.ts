import { describe, expect, it } from 'vitest';
import { createSlots } from '../../../activities/slots.ts';

describe('the slots of a destination', () => {
  it('are had at once while there are any, for each destination apart', async () => {
    const slots = createSlots(2);
    expect(await Promise.all([slots.acquire('a', 0), slots.acquire('a', 0), slots.acquire('a', 0), slots.acquire('b', 0)])).toEqual([true, true, false, true]);
  });

  it('go to those who wait, in their order', async () => {
    const slots = createSlots(1);
    await slots.acquire('a', 0);
    const order: string[] = [];
    const waiting = ['first', 'second'].map((name) => slots.acquire('a', 5000).then((had) => order.push(`${name} ${had}`)));
    slots.release('a');
    await waiting[0];
    expect(order).toEqual(['first true']);
    slots.release('a');
    await waiting[1];
    expect(order).toEqual(['first true', 'second true']);
  });

  it('are not kept for one who gave up waiting', async () => {
    const slots = createSlots(1);
    await slots.acquire('a', 0);
    const impatient = slots.acquire('a', 5);
    const patient = slots.acquire('a', 5000);
    expect(await impatient).toBe(false);
    slots.release('a');
    expect(await patient).toBe(true);
    slots.release('a');
    expect(await slots.acquire('a', 0)).toBe(true);
    expect(await slots.acquire('a', 0)).toBe(false);
  });
});
