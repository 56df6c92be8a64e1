// Owns running one program for the doctor: whether it is there, which version, and to what end it comes when it is to fetch the page.
import { spawn } from 'node:child_process';
import { accessSync, constants, mkdirSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout } from 'node:timers/promises';
import type { Environment } from '../config/load.ts';
import type { Flow } from '../flows/flow.ts';
import type { DoctorOrigin } from './doctor-origin.ts';
import type { Probe } from './doctor-probes.ts';
import { type Ended, type Finding, findingOf, hasFetched } from './doctor-verdict.ts';

/** @returns the path of the first that is there; `null` for none */
export function findProgram(names: readonly string[], environment: Environment): string | null {
  const folders = (environment['PATH'] ?? '').split(path.delimiter).filter((folder) => folder !== '');
  const endings = process.platform === 'win32' ? ['.exe', '.cmd'] : [''];
  const candidates = names.flatMap((name) => folders.flatMap((folder) => endings.map((ending) => path.join(folder, name + ending))));
  return candidates.find(isProgram) ?? null;
}

/** `7.88.1`; empty where it tells of none; `null` where it does not even do that. */
export async function versionOf({ version }: Pick<Probe, 'version'>, program: string, environment: Environment): Promise<string | null> {
  const { code, output } = await runToEnd(program, version ?? ['--version'], environment, tmpdir());
  return code === 0 ? (/\d+(?:\.\d+)+/.exec(output)?.[0] ?? '') : null;
}

/**
 * @param runs  whether the program does anything at all
 * @param heard  what the proxy has finished of this run of the program
 * @returns `null` for a program that lacks what the probe is about
 */
export async function check(
  probe: Probe,
  program: string,
  origin: Pick<DoctorOrigin, 'url' | 'token'>,
  environment: Environment,
  scratch: string,
  runs: boolean,
  heard: () => readonly Flow[],
): Promise<Finding | null> {
  mkdirSync(scratch, { mode: 0o700 });
  for (const [name, content] of Object.entries(probe.files?.(origin.url) ?? {})) writeFileSync(path.join(scratch, name), content);
  const words = probe.words(origin.url, scratch);
  const ended = await runToEnd(program, words, { ...environment, ...probe.environment?.(scratch) }, scratch);
  if (probe.lacks?.test(ended.output)) return null;
  if (!hasFetched(ended, origin.token)) await untilHeard(heard);
  return findingOf(ended, origin.token, heard(), runs);
}

/** The end of a connection is heard a little after that of the program; of one that went past the proxy nothing ever is. */
async function untilHeard(heard: () => readonly Flow[]): Promise<void> {
  for (let waitedMs = 0; heard().length === 0 && waitedMs < HEARD_MS; waitedMs += LOOK_MS) await setTimeout(LOOK_MS);
}

function runToEnd(program: string, words: readonly string[], environment: Environment, cwd: string): Promise<Ended> {
  return new Promise((resolve) => {
    const child = spawn(program, words, { cwd, env: environment, stdio: ['ignore', 'pipe', 'pipe'], detached: true });
    let output = '';
    let isLate = false;
    const timer = globalThis.setTimeout(() => {
      isLate = true;
      // With all that it has started: a browser is a dozen processes.
      if (process.platform === 'win32' || child.pid === undefined) child.kill();
      else process.kill(-child.pid, 'SIGKILL');
    }, MOST_MS);
    const keep = (octets: Buffer): void => {
      if (output.length < MOST_OUTPUT) output += octets.toString('utf8');
    };
    child.stdout.on('data', keep);
    child.stderr.on('data', keep);
    child.once('error', (error) => {
      clearTimeout(timer);
      resolve({ code: null, output, problem: `it cannot be started (${error.message})` });
    });
    child.once('close', (code) => {
      clearTimeout(timer);
      resolve({ code, output, problem: isLate ? `it had not finished after ${MOST_MS / 1_000} s` : null });
    });
  });
}

function isProgram(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return statSync(file).isFile();
  } catch {
    return false;
  }
}

const MOST_MS = 60_000;
/** More than the proxy waits for a client to close what it has said goodbye to. */
const HEARD_MS = 3_000;
const LOOK_MS = 20;
const MOST_OUTPUT = 100_000;
