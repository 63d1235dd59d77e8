import { readStartSettings, SettingsError } from '../config/settings.ts';
import { embeddedDatabaseUrl } from '../embedded/postgres.ts';
import { StartError } from '../embedded/startError.ts';
import { createApiKey } from '../store/apiKeys.ts';
import { type Db, migrate, openDatabase } from '../store/database.ts';
import { createOrganisation } from '../store/organisations.ts';
import { checkDatabase } from './start/reach.ts';

const USAGE = 'Usage: npm run org -- create NAME   (a further organisation with its first API key)\n       npm run org -- list';

try {
  await run(process.argv.slice(2));
} catch (error) {
  if (!(error instanceof StartError) && !(error instanceof SettingsError)) throw error;
  process.stderr.write(`${error.message}\n`);
  process.exit(1);
}

async function run([command, ...words]: string[]): Promise<void> {
  const name = words.join(' ').trim();
  if (command === 'list' && name === '') await withDatabase(list);
  else if (command === 'create' && name !== '') await withDatabase((db) => create(db, name));
  else throw new StartError(USAGE);
}

async function create(db: Db, name: string): Promise<void> {
  const { organisation, apiKey } = await db.transaction().execute(async (trx) => {
    const { id } = await createOrganisation(trx, { name });
    const { key } = await createApiKey(trx, { organisationId: id, name: 'first key', scopes: ['ingest', 'admin'] });
    return { organisation: id, apiKey: key };
  });
  say(`Organisation  ${name} (${organisation})`);
  say(`API key       ${apiKey}`);
  say('The key is shown only now.');
}

async function list(db: Db): Promise<void> {
  const organisations = await db.selectFrom('organisations').select(['id', 'name', 'created_at']).orderBy('created_at').execute();
  for (const { id, name, created_at } of organisations) say(`${id}  ${created_at.toISOString()}  ${name}`);
}

/** DATABASE_URL, else the Postgres of a Herald that runs on the data folder. */
async function withDatabase(work: (db: Db) => Promise<void>): Promise<void> {
  const db = openDatabase(await databaseUrl(), { maxConnections: 2, applicationName: 'herald-org' });
  try {
    await migrate(db);
    await work(db);
  } finally {
    await db.destroy();
  }
}

async function databaseUrl(): Promise<string> {
  const settings = readStartSettings(process.env);
  if (settings.databaseUrl !== undefined) {
    await checkDatabase(settings.databaseUrl);
    return settings.databaseUrl;
  }
  const url = embeddedDatabaseUrl(settings.dataDir);
  const answers = url !== undefined && (await checkDatabase(url).then(() => true, () => false));
  if (answers) return url;
  throw new StartError(`No Herald runs on ${settings.dataDir}: run npm start first, or set HERALD_DATA_DIR or DATABASE_URL to where it is.`);
}

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}
