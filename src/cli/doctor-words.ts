// Owns how the doctor tells what it found: a table, and below it what to do, each remedy once with the programs that it is for.
import type { Probe } from './doctor-probes.ts';
import type { Finding, Verdict } from './doctor-verdict.ts';
import { oneLine } from './terminal.ts';

export interface Examined {
  readonly probe: Pick<Probe, 'name' | 'trust' | 'useProxy'>;
  /** Path. */
  readonly program: string;
  readonly version: string | null;
  /** With the address of a proxy, and trust as the machine is set up. */
  readonly machine: Finding;
  /** As `sallyport run` starts it. */
  readonly run: Finding;
}

export interface DoctorReport {
  /** Of the machine's own authority: its name, and the file; `null` where there is none yet. */
  readonly authority: { readonly name: string; readonly certificateFile: string } | null;
  /** What to type to make that one, and to have this machine trust it. */
  readonly commands: { readonly caInit: string; readonly caTrust: string };
  /** What https_proxy says on this machine; `null` where it says nothing. */
  readonly proxyVariable: string | null;
  readonly examined: readonly Examined[];
  /** Names of programs that are not here. */
  readonly notFound: readonly string[];
}

/** Whether everything works under `sallyport run`. */
export function isWell({ examined }: DoctorReport): boolean {
  return examined.every(({ run }) => run.verdict === 'trusted');
}

export function doctorText(report: DoctorReport, bold: (text: string) => string): string {
  const { authority, commands, proxyVariable, examined, notFound } = report;
  const facts: readonly (readonly [string, string])[] = [
    ['authority', authority === null ? noAuthority(commands.caInit) : `${authority.name}  ${authority.certificateFile}`],
    [
      'proxy',
      proxyVariable === null ? 'https_proxy is not set: programs started here go past every proxy' : `https_proxy=${proxyVariable}`,
    ],
    ...(notFound.length === 0 ? [] : [['not found', notFound.join(', ')] as const]),
  ];
  return [
    facts.map(([label, text]) => `${bold(label.padEnd(LABEL))}  ${oneLine(text)}`).join('\n'),
    table(examined, bold),
    ...remedies(report).map(([title, rows]) => `${bold(title)}\n${rows.map((row) => `  ${oneLine(row)}`).join('\n')}`),
  ].join('\n\n');
}

/** One object, without an end of line. */
export function doctorJson(report: DoctorReport): string {
  const { authority, commands, proxyVariable, examined, notFound } = report;
  const { caTrust } = commands;
  const file = fileOf(report);
  const programs = examined.map(({ probe, program, version, machine, run }) => ({
    name: probe.name,
    program,
    version,
    machine: { ...machine, remedy: remedyOf(machine.verdict, probe, file, caTrust) },
    run: { ...run, remedy: remedyOf(run.verdict, probe, file, caTrust) },
  }));
  const isFine = isWell(report);
  const shown = authority === null ? null : { name: authority.name, certificate_file: authority.certificateFile };
  return JSON.stringify({ well: isFine, authority: shown, https_proxy: proxyVariable, programs, not_found: notFound }, null, 2);
}

function table(examined: readonly Examined[], bold: (text: string) => string): string {
  const names = examined.map(({ probe, version }) => [probe.name, version].filter((part) => part !== null).join(' '));
  const width = Math.max('program'.length, ...names.map(({ length }) => length));
  const row = (first: string, second: string, third: string): string =>
    `${first.padEnd(width)}  ${second.padEnd(COLUMN)}  ${third}`.trimEnd();
  return [
    bold(row('program', 'as this machine is', 'with sallyport run')),
    ...examined.map(({ machine, run }, index) => row(names[index]!, machine.verdict, run.verdict)),
  ].join('\n');
}

/** Sections, each with a line for every remedy. */
function remedies(report: DoctorReport): (readonly [string, readonly string[]])[] {
  const { examined, authority } = report;
  const { caInit, caTrust } = report.commands;
  const file = fileOf(report);
  const isNot = (verdict: Verdict, column: 'machine' | 'run') => examined.filter((each) => each[column].verdict === verdict);
  const untrusting = isNot('not trusted', 'machine');
  const sections: (readonly [string, readonly string[]])[] = [
    [
      'To trust it without sallyport run',
      untrusting.length === 0
        ? []
        : [...(authority === null ? [`${caInit}, first of all`] : []), ...grouped(untrusting, ({ trust }) => trust(file, caTrust))],
    ],
    ['Not trusted with sallyport run either', grouped(isNot('not trusted', 'run'), ({ trust }) => trust(file, caTrust))],
    ['Does not use the proxy', grouped(isNot('does not use the proxy', 'run'), ({ useProxy }) => useProxy)],
    ['Could not run', isNot('could not run', 'run').map(({ probe, run }) => `${probe.name}: ${run.detail}`)],
  ];
  return sections.filter(([, rows]) => rows.length > 0);
}

/** `sallyport ca trust  (curl, wget)` */
function grouped(examined: readonly Examined[], remedy: (probe: Examined['probe']) => string): string[] {
  const names = Map.groupBy(examined, ({ probe }) => remedy(probe));
  return [...names].map(([text, programs]) => `${text}  (${programs.map(({ probe }) => probe.name).join(', ')})`);
}

function remedyOf(verdict: Verdict, { trust, useProxy }: Examined['probe'], file: string, caTrust: string): string | null {
  if (verdict === 'not trusted') return trust(file, caTrust);
  return verdict === 'does not use the proxy' ? useProxy : null;
}

function noAuthority(caInit: string): string {
  return `none yet, so nothing trusts it; ${caInit} makes one, and so does the first start that needs it`;
}

function fileOf({ authority }: DoctorReport): string {
  return authority?.certificateFile ?? 'ca.crt';
}

const LABEL = 9;
const COLUMN = 'does not use the proxy'.length;
