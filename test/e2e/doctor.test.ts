// `doctor`: what it finds with the programs that are here, and with programs that do as their name says.
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, expect, onTestFinished, test } from 'vitest';
import { describeWith, pathOf, run } from '../support/programs.ts';
import { temporaryFolder } from '../support/temp-files.ts';

interface Told {
  readonly well: boolean;
  readonly authority: { readonly certificate_file: string } | null;
  readonly programs: readonly {
    readonly name: string;
    readonly machine: { readonly verdict: string };
    readonly run: { readonly verdict: string; readonly detail: string; readonly remedy: string | null };
  }[];
  readonly not_found: readonly string[];
}

const folder = temporaryFolder(afterAll);
const authority = path.join(folder, 'authority');

async function doctor(env: Readonly<Record<string, string>>): Promise<{ readonly code: number | null; readonly told: Told }> {
  const { code, out } = await run(process.execPath, [PROGRAM, 'doctor', '--json', '--ca-dir', authority], { cwd: folder, env });
  return { code, told: JSON.parse(out.toString()) as Told };
}

/** A folder with these programs alone. @param scripts  of the shell */
function programs(scripts: Readonly<Record<string, string>>, linked: readonly string[] = []): string {
  const bin = temporaryFolder(onTestFinished);
  for (const file of linked) symlinkSync(file, path.join(bin, path.basename(file)));
  for (const [name, script] of Object.entries(scripts)) {
    writeFileSync(path.join(bin, name), `#!/bin/sh\n${script}\n`);
    chmodSync(path.join(bin, name), 0o755);
  }
  return bin;
}

describeWith(['curl', 'git', 'python3', 'wget'], 'the programs of this machine', () => {
  test('all that can be told by variables trust the proxy under sallyport run, no authority is made, and no file is left', async () => {
    const temporary = path.join(folder, 'temporary');
    mkdirSync(temporary);
    const PATH = `${path.dirname(process.execPath)}:${process.env['PATH']}`;
    const { told } = await doctor({ PATH, TMPDIR: temporary });
    const checked = told.programs.filter(({ name }) => EXPECTED.includes(name));
    expect(checked.map(({ name }) => name)).toEqual(expect.arrayContaining(['curl', 'wget', 'git', 'Python (urllib)', 'Node (fetch)']));
    for (const { name, machine, run } of checked) expect([name, machine.verdict, run.verdict]).toEqual([name, 'not trusted', 'trusted']);
    expect(told.authority).toBeNull();
    expect(existsSync(authority)).toBe(false);
    expect(readdirSync(temporary)).toEqual([]);
  });

  test('an authority that is there is the one that is tried, and a machine that trusts it is told so', async () => {
    const policy = path.join(folder, 'policy.yaml');
    writeFileSync(policy, 'version: 1\ndefault: deny\nrules:\n  - intercept: { host: a.test }\n');
    await run(process.execPath, [PROGRAM, 'run', '--policy', policy, '--ca-dir', authority, '--', 'true'], { env: OWN });
    const certificate = path.join(authority, 'ca.crt');
    const before = readFileSync(certificate);
    const { code, told } = await doctor({ PATH: programs({}, [pathOf('curl')!, pathOf('git')!]), CURL_CA_BUNDLE: certificate });
    expect(told.authority?.certificate_file).toBe(certificate);
    expect(told.programs.map(({ name, machine, run }) => [name, machine.verdict, run.verdict])).toEqual([
      ['curl', 'trusted', 'trusted'],
      ['git', 'not trusted', 'trusted'],
    ]);
    expect({ code, well: told.well }).toEqual({ code: 0, well: true });
    expect(readFileSync(certificate)).toEqual(before);
  });
});

test('programs that go past the proxy, or break, make it exit 1 and say what to do', async () => {
  const PATH = programs({
    curl: '[ "$1" = --version ] && echo curl 8.0.0 && exit; echo "curl: (6) no such host"; exit 6',
    wget: 'kill -SEGV $$',
    cargo: 'echo "error: no version of cargo to run" >&2; echo "   0: main 1.2.3" >&2; exit 1',
  });
  const { code, told } = await doctor({ PATH });
  expect({ code, well: told.well }).toEqual({ code: 1, well: false });
  expect(told.programs.map(({ name, run }) => [name, run.verdict])).toEqual([
    ['curl', 'does not use the proxy'],
    ['wget', 'could not run'],
    ['cargo', 'could not run'],
  ]);
  expect(told.programs[2]?.run.detail).toBe('error: no version of cargo to run');
  expect(told.programs[0]?.run.remedy).toContain('.curlrc');
  expect(told.not_found).toContain('git');
});

test('a machine with none of them is well, and is told what was looked for', async () => {
  const { code, told } = await doctor({ PATH: '/nonexistent' });
  expect({ code, programs: told.programs }).toEqual({ code: 0, programs: [] });
  expect(told.not_found).toContain('curl');
});

const PROGRAM = path.join(import.meta.dirname, '../../src/bin.cjs');
/** Nothing is kept for the next start. */
const OWN = { SALLYPORT_STATE_DIR: 'off', SALLYPORT_CACHE_DISK: '0' };
/** Those that these variables reach; a browser has a store of its own, and cargo looks for its tools below the home folder. */
const EXPECTED = ['curl', 'wget', 'git', 'Python (urllib)', 'Python (requests)', 'Node (fetch)', 'Node (https)', 'npm', 'Java'];
