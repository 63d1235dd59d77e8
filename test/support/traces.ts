import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import type { Client } from '@temporalio/client';
import { sql } from 'kysely';
import type { Db } from '../../store/database.ts';
import { jsonOfHistory } from '../histories/historyFile.ts';

/** A place where Herald writes, as text, and what it is called. */
export interface Trace {
  where: string;
  text: string;
}

/** Every row of every table, a table at a time. */
export async function tablesAsText(db: Db): Promise<Trace[]> {
  const { rows } = await sql<{ name: string }>`select table_name as name from information_schema.tables where table_schema = 'public'`.execute(db);
  return Promise.all(
    rows.map(async ({ name }) => {
      const { rows: lines } = await sql<{ line: string }>`select to_jsonb(t)::text as line from ${sql.table(name)} t`.execute(db);
      return { where: `table ${name}`, text: lines.map(({ line }) => line).join('\n') };
    }),
  );
}

/** Every workflow as the Temporal UI has it: its history with what its payloads carry, its memo, its search attributes, and what its queries answer, its current details among them. */
export async function workflowsAsText(client: Client): Promise<Trace[]> {
  const traces: Trace[] = [];
  for await (const { workflowId, runId } of client.workflow.list()) {
    const handle = client.workflow.getHandle(workflowId, runId);
    const { memo, searchAttributes, raw } = await handle.describe();
    const history = jsonOfHistory(await handle.fetchHistory());
    const payloads = Array.from(history.matchAll(/"data": "([^"]+)"/g), ([, data]) => Buffer.from(data!, 'base64').toString('utf8'));
    const shown = JSON.stringify({ memo, searchAttributes, raw });
    traces.push({ where: `workflow ${workflowId}`, text: [history, ...payloads, shown].join('\n') });
    const queries = ['__temporal_workflow_metadata', ...(workflowId.startsWith('session/') ? ['state', 'decisions'] : [])];
    const answers = await Promise.all(queries.map((query) => handle.query<unknown>(query)));
    traces.push({ where: `queries of ${workflowId}`, text: JSON.stringify(answers) });
  }
  return traces;
}

/** The files below a folder, byte by byte, but for some at its top. */
export function filesAsText(folder: string, except: string[]): Trace[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => path.join(entry.parentPath, entry.name))
    .filter((file) => !except.includes(path.relative(folder, file).split(path.sep)[0]!))
    .map((file) => ({ where: `file ${file}`, text: readFileSync(file, 'latin1') }));
}

/** Where one of the secrets is found: as it is, or in Base64. */
export function findSecrets(traces: Trace[], secrets: Record<string, string>): string[] {
  return Object.entries(secrets).flatMap(([name, secret]) => {
    const forms = [secret, Buffer.from(secret).toString('base64').replace(/=+$/, '')];
    return traces.filter(({ text }) => forms.some((form) => text.includes(form))).map(({ where }) => `${name} in ${where}`);
  });
}
