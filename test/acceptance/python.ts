import { execFile } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { homedir, tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

const INSTALL_WITHIN_MS = 10 * 60_000;
const RUN_WITHIN_MS = 3 * 60_000;

export interface PythonRun {
  exitCode: number;
  stdout: string;
  stderr: string;
}

/**
 * A Python interpreter that has a package from PyPI, in an environment of its own that is kept for the next run.
 * @throws Error with what to do when there is no Python or the package cannot be had.
 */
export async function pythonWith(name: string, version: string): Promise<string> {
  const folder = path.join(process.env.XDG_CACHE_HOME || path.join(homedir(), '.cache'), 'herald', `${name}-${version}`);
  const python = path.join(folder, 'bin', 'python');
  if (await hasPackage(python, name, version)) return python;
  process.stderr.write(`Installing ${name} ${version} into ${folder}.\n`);
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(path.dirname(folder), { recursive: true });
  await run('python3', ['-m', 'venv', folder], { timeout: INSTALL_WITHIN_MS }).catch((error: unknown) => {
    throw new Error('These tests run real Python clients: install python3 with its venv module (on Debian: apt install python3-venv).', { cause: error });
  });
  await run(python, ['-m', 'pip', 'install', '--quiet', `${name}==${version}`], { timeout: INSTALL_WITHIN_MS });
  return python;
}

/** Runs a program in an empty folder, with nothing of this process' environment but what every program needs. */
export async function runPython(python: string, source: string, env: Record<string, string> = {}): Promise<PythonRun> {
  const cwd = mkdtempSync(path.join(tmpdir(), 'herald-agent-'));
  try {
    const program = path.join(cwd, 'agent.py');
    writeFileSync(program, source);
    const options = { cwd, timeout: RUN_WITHIN_MS, env: { PATH: process.env.PATH, HOME: process.env.HOME, ...env } };
    const { stdout, stderr } = await run(python, [program], options);
    return { exitCode: 0, stdout, stderr };
  } catch (error) {
    const { code, stdout, stderr } = error as { code?: number; stdout: string; stderr: string };
    return { exitCode: code ?? -1, stdout, stderr };
  } finally {
    rmSync(cwd, { recursive: true, force: true });
  }
}

async function hasPackage(python: string, name: string, version: string): Promise<boolean> {
  try {
    const { stdout } = await run(python, ['-c', `import importlib.metadata as m, ${name}; print(m.version("${name}"))`]);
    return stdout.trim() === version;
  } catch {
    return false;
  }
}
