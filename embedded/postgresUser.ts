import { execFileSync } from 'node:child_process';
import { readFileSync, statSync } from 'node:fs';
import path from 'node:path';
import { StartError } from './startError.ts';

/** How Postgres' programs are run: Postgres refuses to work as root. */
export interface PostgresUser {
  /** Absent when we are not root, and Postgres runs as whoever we are. */
  ids?: { uid: number; gid: number };
  /** Command and arguments that run the given program as this user. */
  command: (program: string, args: string[]) => { command: string; args: string[]; ids?: { uid: number; gid: number } };
}

const USER = 'postgres';

/**
 * The user for Postgres' programs. Started by root, it is the system's `postgres`, made if there is none.
 * @param folders folders this user has to reach.
 */
export function postgresUser(folders: string[]): PostgresUser {
  if (process.getuid?.() !== 0) return { command: (command, args) => ({ command, args }) };
  const ids = readIds() ?? createUser();
  const closed = folders.map((folder) => closedFolderAbove(folder, ids)).find((folder) => folder !== undefined);
  if (closed === undefined) return { ids, command: (command, args) => ({ command, args, ids }) };
  // Where only root may enter (/root/herald), the user is given the right to pass, and no other right of root's.
  const identity = ['--reuid', String(ids.uid), '--regid', String(ids.gid), '--clear-groups'];
  const right = ['--inh-caps=+dac_override', '--ambient-caps=+dac_override', '--securebits=+no_setuid_fixup'];
  const pass = [...identity, ...right, '--'];
  if (!works('setpriv', [...pass, 'test', '-x', path.resolve(folders[0] ?? closed)])) {
    throw new StartError(
      `Postgres may not run as root, and its user "${USER}" may not enter ${closed}: move Herald to a folder everybody may enter (/srv/herald), start it as another user, or set DATABASE_URL.`,
    );
  }
  return { ids, command: (program, args) => ({ command: 'setpriv', args: [...pass, program, ...args] }) };
}

function readIds(): { uid: number; gid: number } | undefined {
  const line = readFileSync('/etc/passwd', 'utf8')
    .split('\n')
    .find((entry) => entry.startsWith(`${USER}:`));
  const [, , uid, gid] = line?.split(':') ?? [];
  return uid === undefined || gid === undefined ? undefined : { uid: Number(uid), gid: Number(gid) };
}

function createUser(): { uid: number; gid: number } {
  works('useradd', ['--system', '--user-group', '--no-create-home', '--shell', '/usr/sbin/nologin', USER]);
  const ids = readIds();
  if (ids) return ids;
  throw new StartError(`Postgres may not run as root, and the user "${USER}" could not be made: start Herald as another user, or set DATABASE_URL.`);
}

function closedFolderAbove(folder: string, ids: { uid: number; gid: number }): string | undefined {
  const parent = path.dirname(folder);
  const above = parent === folder ? undefined : closedFolderAbove(parent, ids);
  if (above !== undefined) return above;
  const stat = statSync(folder, { throwIfNoEntry: false });
  if (!stat) return undefined;
  const mayEnter = stat.mode & 0o001 || (stat.uid === ids.uid && stat.mode & 0o100) || (stat.gid === ids.gid && stat.mode & 0o010);
  return mayEnter ? undefined : folder;
}

function works(command: string, args: string[]): boolean {
  try {
    execFileSync(command, args, { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}
