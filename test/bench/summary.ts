// Owns what a README says of a run: the machine, a table with one row for each workload, and the goals, folded up. Measurements in, Markdown out.
// Whoever opens TLS stands where Squid stands: `squid-bump`, which looks at the hello first, as Sallyport does.
import { goalTable, judge } from './goals.ts';
import { describeInWords, type Machine } from './machine.ts';
import { type Measurement, opensTls, type PeerName, WORKLOAD_NAMES, WORKLOADS, type WorkloadName } from './plan.ts';
import { costRatio, median } from './statistics.ts';

/** @returns lines without a heading: it stands in a section of somebody else's */
export function summary(machine: Machine, measurements: readonly Measurement[]): string {
  const verdicts = judge(measurements);
  const missed = verdicts.filter(({ isReached }) => isReached === false).length;
  const unjudged = verdicts.filter(({ isReached }) => isReached === null).length;
  const rest = unjudged === 0 ? '' : `, ${unjudged} not judged here`;
  return [
    `${describeInWords(machine).join('. ')}.`,
    '',
    `Medians of ${roundsOf(measurements)}${warmUpOf(measurements)}, least and most in parentheses; ratios are medians of the ratios within each round.`,
    '',
    table(measurements),
    '',
    `<details><summary>Goals: ${verdicts.length - missed - unjudged} of ${verdicts.length} reached, ${missed} missed${rest}</summary>`,
    '',
    goalTable(verdicts),
    '',
    '</details>',
  ].join('\n');
}

/** A run that was ended early has measured some workloads oftener than others. */
function roundsOf(measurements: readonly Measurement[]): string {
  const counts = WORKLOAD_NAMES.map(
    (name) => measurements.filter(({ workload, peer }) => workload === name && peer === 'sallyport').length,
  );
  const most = Math.max(...counts);
  const least = Math.min(...counts.filter((count) => count > 0), most);
  if (least < most) return `${least} to ${most} rounds`;
  return most === 1 ? '1 round' : `${most} rounds`;
}

/** What every peer got alike. */
function warmUpOf(measurements: readonly Measurement[]): string {
  const seconds = measurements.flatMap(({ warmUpSeconds }) => (warmUpSeconds === undefined ? [] : [warmUpSeconds]));
  if (seconds.length === 0) return '';
  const [least, most] = [Math.min(...seconds), Math.max(...seconds)];
  return ` after ${least < most ? `${least} to ` : ''}${most} s of warm-up`;
}

function table(measurements: readonly Measurement[]): string {
  const head = ['workload', 'what runs', 'Sallyport', 'Squid', 'ATS', 'to Squid', 'to ATS'];
  const measured = WORKLOAD_NAMES.filter((name) => measurements.some(({ workload, peer }) => workload === name && peer === 'sallyport'));
  const rows = measured.map((workload) => row(workload, measurements));
  const alignment = ['---', '---', '---', '--:', '--:', '--:', '--:'];
  return [head, alignment, ...rows].map((cells) => `| ${cells.join(' | ')} |`).join('\n');
}

function row(workload: WorkloadName, all: readonly Measurement[]): readonly string[] {
  const costsOf = (name: PeerName) => all.filter(({ workload: of, peer }) => of === workload && peer === name).map(({ cost }) => cost);
  const squid = opensTls(workload) ? 'squid-bump' : 'squid';
  const own = costsOf('sallyport');
  const p50Of = (name: PeerName) => {
    const p50s = all.flatMap(({ workload: of, peer, p50Ms }) => (of === workload && peer === name && p50Ms !== null ? [p50Ms] : []));
    return p50s.length === 0 ? '' : `; half within ${shown(median(p50s))}`;
  };
  const ratioTo = (peer: PeerName) => costRatio({ workload, peer: 'sallyport' }, { workload, peer }, all)?.toFixed(2) ?? '';
  const spread = own.length > 1 ? ` (${shown(Math.min(...own))} to ${shown(Math.max(...own))})` : '';
  return [
    `\`${workload}\``,
    WORKLOADS[workload].text,
    `${shown(median(own))} ${WORKLOADS[workload].unit}${spread}${p50Of('sallyport')}`,
    `${shown(median(costsOf(squid)))}${p50Of(squid)}`,
    `${shown(median(costsOf('ats')))}${p50Of('ats')}`,
    ratioTo(squid),
    ratioTo('ats'),
  ];
}

/** Three digits or so: more are noise. */
function shown(value: number | null): string {
  return value === null ? '' : value.toFixed(value < 10 ? 2 : value < 100 ? 1 : 0);
}
