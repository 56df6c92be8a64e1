// Owns `doctor`: each program of this machine that is known here fetches a page over https through a tunnel that a proxy opens, once as the machine is set
// up and once as `sallyport run` starts it. Nothing on the machine is changed, and nothing outside of it is asked.
import path from 'node:path';
import { loadConfig } from '../config/load.ts';
import { commandFor, nameOf } from './ca-words.ts';
import { childEnvironment, type TrustFiles } from './child-environment.ts';
import type { Arguments } from './command.ts';
import { check, findProgram, versionOf } from './doctor-check.ts';
import { PROBES, type Probe } from './doctor-probes.ts';
import { type DoctorProxy, startDoctorProxy } from './doctor-proxy.ts';
import type { Finding } from './doctor-verdict.ts';
import { type DoctorReport, doctorJson, doctorText, type Examined, isWell } from './doctor-words.ts';
import { EXIT_DIFFERENT, EXIT_OK } from './exit-codes.ts';
import type { Terminal } from './terminal.ts';
import { TrustFolder } from './trust-folder.ts';

/** @returns 0 if everything that was found works under `sallyport run`, else 1 @throws StartError when the authority cannot be used */
export async function doctor(given: Arguments, terminal: Terminal): Promise<number> {
  const { flags } = given;
  const config = await loadConfig(
    { config: flags.get('config')?.[0], caDir: flags.get('ca-dir')?.[0] },
    terminal.environment,
    terminal.workingDirectory,
  );
  const found = PROBES.map((probe) => ({ probe, program: findProgram(probe.programs, terminal.environment) }));
  const here = found.flatMap(({ probe, program }) => (program === null ? [] : [{ probe, program }]));
  const proxy = await startDoctorProxy(
    config,
    here.flatMap(({ probe }) => [runName(probe, 'machine'), runName(probe, 'run')]),
    terminal.report,
  );
  const trust = new TrustFolder(proxy.certificate, terminal.report);
  let examined: readonly (Examined | null)[];
  try {
    examined = await atOnce(AT_ONCE, here, ({ probe, program }) => examine(probe, program, proxy, trust, terminal));
  } finally {
    trust.remove();
    await proxy.close();
  }
  const report: DoctorReport = {
    authority: authorityOf(proxy),
    commands: { caInit: commandFor('ca init', given), caTrust: commandFor('ca trust', given) },
    proxyVariable: terminal.environment['https_proxy'] || terminal.environment['HTTPS_PROXY'] || null,
    examined: examined.filter((each) => each !== null),
    notFound: [...found.filter(({ program }) => program === null), ...here.filter((_, index) => examined[index] === null)].map(
      ({ probe }) => probe.name,
    ),
  };
  terminal.print(flags.has('json') ? doctorJson(report) : doctorText(report, terminal.bold));
  return isWell(report) ? EXIT_OK : EXIT_DIFFERENT;
}

/** `null` where it lacks what the probe is about. */
async function examine(
  probe: Probe,
  program: string,
  proxy: DoctorProxy,
  trust: TrustFiles,
  { environment }: Terminal,
): Promise<Examined | null> {
  const quiet = { ...environment, ...probe.environment?.(proxy.scratch) };
  const version = await versionOf(probe, program, quiet);
  const tried = async (column: Column): Promise<Finding | null> => {
    const run = runName(probe, column);
    const address = { ...proxy.addressOf(run), direct: '' };
    const variables = childEnvironment(environment, address, column === 'run' ? trust : null);
    const scratch = path.join(proxy.scratch, run);
    return check(probe, program, proxy.origin, { ...environment, ...variables }, scratch, version !== null, () => proxy.heard(run));
  };
  const machine = await tried('machine');
  const run = machine === null ? null : await tried('run');
  if (machine === null || run === null) return null;
  return { probe, program, version: version === '' ? null : version, machine, run };
}

/** In their order, so many at a time. */
async function atOnce<T, R>(most: number, each: readonly T[], perform: (one: T) => Promise<R>): Promise<readonly R[]> {
  const results: R[] = [];
  const left = each.entries();
  const worker = async (): Promise<void> => {
    for (const [index, one] of left) results[index] = await perform(one);
  };
  await Promise.all(Array.from({ length: most }, worker));
  return results;
}

function authorityOf({ authority }: DoctorProxy): DoctorReport['authority'] {
  if (authority === null) return null;
  return { name: nameOf(authority.authority.certificate), certificateFile: authority.certificateFile };
}

type Column = 'machine' | 'run';

/** A name of a listener, and of a folder. */
function runName({ name }: Probe, column: Column): string {
  return `${name.replace(/\W+/g, '-')}-${column}`;
}

const AT_ONCE = 2;
