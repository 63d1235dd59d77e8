import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { Worker } from '@temporalio/worker';
import { pino } from 'pino';
import { beforeAll, describe, expect, it } from 'vitest';
import { installRuntime } from '../../worker/runtime.ts';
import { historyOfJson } from '../histories/historyFile.ts';
import { workflowBundle } from '../support/stack.ts';

const folder = path.join(import.meta.dirname, '../histories');
const names = readdirSync(folder).filter((name) => name.endsWith('.json'));

const textOf = (name: string) => readFileSync(path.join(folder, name), 'utf8');

beforeAll(() => installRuntime(pino({ level: 'silent' })));

describe('recorded runs', () => {
  it('exist for sessions and deliveries', () => {
    expect(names.filter((name) => name.startsWith('session')).length).toBeGreaterThan(2);
    expect(names.filter((name) => name.startsWith('delivery')).length).toBeGreaterThan(1);
  });

  it('replay with the workflow code of today', async () => {
    const histories = names.map((name) => ({ workflowId: name, history: historyOfJson(textOf(name)) }));
    const failures: string[] = [];
    for await (const { workflowId, error } of Worker.runReplayHistories({ workflowBundle: { codePath: await workflowBundle() } }, histories)) {
      if (error) failures.push(`${workflowId}: ${error.message}`);
    }
    expect(failures).toEqual([]);
  });

  it('of other code would be noticed', async () => {
    const name = 'session-from-start-to-close.json';
    const other = historyOfJson(textOf(name).replaceAll('"name": "recordAndSend"', '"name": "decideEvents"'));
    await expect(Worker.runReplayHistory({ workflowBundle: { codePath: await workflowBundle() } }, other)).rejects.toThrow(/recordAndSend|decideEvents/);
  });
});
