import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { Worker } from '@temporalio/worker';
import { pino } from 'pino';
import { beforeAll, describe, expect, it } from 'vitest';
import { installRuntime } from '../../worker/runtime.ts';
import * as workflows from '../../workflows/index.ts';
import { type History, historyOfJson } from '../histories/historyFile.ts';
import { workflowBundle } from '../support/stack.ts';

const folder = path.join(import.meta.dirname, '../histories');
const names = readdirSync(folder).filter((name) => name.endsWith('.json'));

const textOf = (name: string) => readFileSync(path.join(folder, name), 'utf8');

const recordings = names.map((name) => ({ workflowId: name, history: historyOfJson(textOf(name)) }));
/** Those that a worker with a version wrote. */
const versioned = recordings.filter(({ history }) => history.events?.some((event) => event.workflowTaskCompletedEventAttributes?.deploymentVersion?.buildId));

function workflowOf(history: History): string | null | undefined {
  return history.events?.[0]?.workflowExecutionStartedEventAttributes?.workflowType?.name;
}

/** Replays with the workflow code of today; answers with what does not fit, and how many runs were replayed. */
async function replay(runs: { workflowId: string; history: History }[]): Promise<{ replayed: number; failures: string[] }> {
  const failures: string[] = [];
  let replayed = 0;
  for await (const { workflowId, error } of Worker.runReplayHistories({ workflowBundle: { codePath: await workflowBundle() } }, runs)) {
    replayed += 1;
    if (error) failures.push(`${workflowId}: ${error.message}`);
  }
  return { replayed, failures };
}

beforeAll(() => installRuntime(pino({ level: 'silent' })));

describe('recorded runs', () => {
  it('exist for every workflow', () => {
    expect(Object.keys(workflows)).toContain('session');
    const recorded = new Set(recordings.map(({ history }) => workflowOf(history)));
    expect(Object.keys(workflows).filter((name) => !recorded.has(name)), 'workflows that no scenario of test/histories/scenarios.ts records').toEqual([]);
  });

  it('exist for workers with versions, of a session that moves to newer workers and of what it becomes there', () => {
    const buildIds = versioned.map(({ history }) =>
      Array.from(new Set(history.events?.flatMap(({ workflowTaskCompletedEventAttributes: completed }) => completed?.deploymentVersion?.buildId ?? []))).join(),
    );
    expect(buildIds).toEqual(expect.arrayContaining(['v1', 'v2']));
  });

  it('replay with the workflow code of today', async () => {
    expect(await replay(recordings)).toEqual({ replayed: names.length, failures: [] });
  });

  it.each([
    ['session-from-start-to-close.json', '"name": "recordAndSend"', '"name": "decideEvents"'],
    ['settling-of-an-answered-question.json', '"name": "settleMessage"', '"name": "changeMessage"'],
    ['session-that-moves-to-newer-workers.json', '"targetWorkerDeploymentVersionChanged": true', '"targetWorkerDeploymentVersionChanged": false'],
  ])('of other code would be noticed: %s', async (name, recorded, changed) => {
    expect(textOf(name)).toContain(recorded);
    const other = historyOfJson(textOf(name).replaceAll(recorded, changed));
    const { failures } = await replay([{ workflowId: name, history: other }]);
    expect(failures).toEqual([expect.stringMatching(/nondeterminism/i)]);
  });
});
