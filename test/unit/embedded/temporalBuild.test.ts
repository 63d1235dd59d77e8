import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { buildTemporal } from '../../../embedded/temporalBuild.ts';

const quiet = () => undefined;

describe('building the Temporal server', () => {
  const usualPath = process.env.PATH;
  let folder: string;
  let target: string;

  beforeEach(() => {
    folder = mkdtempSync(path.join(tmpdir(), 'herald-build-'));
    target = path.join(folder, 'cache', 'temporal');
    process.env.PATH = `${folder}${path.delimiter}${usualPath}`;
  });

  afterEach(() => {
    process.env.PATH = usualPath;
    rmSync(folder, { recursive: true });
  });

  /** Stands in for the Go toolchain, which would take minutes. */
  function installGo(build: string): void {
    const script = `#!/bin/sh
case "$1" in
  list) printf 'one\\ntwo\\nthree\\n' ;;
  version) echo 'go version go1.25.0 test' ;;
  build) echo build >> ${folder}/builds
    ${build} ;;
esac
`;
    writeFileSync(path.join(folder, 'go'), script);
    chmodSync(path.join(folder, 'go'), 0o755);
  }
  const writesProgram = 'for word; do [ "$last" = -o ] && out="$word"; last="$word"; done; echo some/package >&2; sleep 0.3; echo program > "$out"';

  it('reports how many packages are done, and keeps the program', async () => {
    installGo(writesProgram);
    const progress: string[] = [];
    await buildTemporal(target, quiet, (text) => progress.push(text));
    expect(progress.at(-1)).toBe('Building the Temporal server: 1 of 3 packages');
    expect(readFileSync(target, 'utf8')).toBe('program\n');
  });

  it('happens once when two Heralds need it at the same time', async () => {
    installGo(writesProgram);
    await Promise.all([buildTemporal(target, quiet, quiet), buildTemporal(target, quiet, quiet)]);
    expect(readFileSync(path.join(folder, 'builds'), 'utf8')).toBe('build\n');
  });

  it('is tried again after it was interrupted', async () => {
    installGo('echo half > "$9"; kill -9 $$');
    await expect(buildTemporal(target, quiet, quiet)).rejects.toThrow();
    installGo(writesProgram);
    await buildTemporal(target, quiet, quiet);
    expect(readFileSync(target, 'utf8')).toBe('program\n');
  });

  it('says in one sentence why it failed and what else one can do', async () => {
    installGo('echo "go: example.org/module@v1.0.0: no such host" >&2; exit 1');
    await expect(buildTemporal(target, quiet, quiet)).rejects.toThrow(
      /^The Temporal server could not be built \(go version go1.25.0 test\): go: example.org\/module@v1.0.0: no such host\. To go on .* TEMPORAL_ADDRESS\.$/,
    );
    expect(existsSync(target)).toBe(false);
  });
});
