import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

/** Makes a Temporal server's two databases, or brings them up to date; as the admin tools in docker-compose.yml do. */
export async function prepareSchemas(sqlTool: string, postgresUrl: URL, databases: { main: string; visibility: string }): Promise<void> {
  const server = ['--plugin', 'postgres12', '--ep', postgresUrl.hostname, '--port', postgresUrl.port];
  const user = ['--user', decodeURIComponent(postgresUrl.username), '--password', decodeURIComponent(postgresUrl.password)];
  for (const [schema, database] of [
    ['temporal', databases.main],
    ['visibility', databases.visibility],
  ] as const) {
    const run = (...args: string[]) => promisify(execFile)(sqlTool, [...server, ...user, '--db', database, ...args]);
    await run('create');
    await run('setup-schema', '-v', '0.0');
    await run('update-schema', '--schema-name', `postgresql/v12/${schema}`);
  }
}
