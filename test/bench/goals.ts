// Owns the verdicts of a run: measurements in, one line for each goal out. A goal that has been tightened is judged by what is asked now, and what was asked
// first stands beside it. A ratio is judged as it is measured, and shown rounded.
import {
  factsOf,
  type GoalBase,
  type Measurement,
  OWN_BASES,
  type OwnBase,
  type RatioBase,
  WORKLOAD_NAMES,
  type WorkloadName,
} from './plan.ts';
import { costRatio, median, rateRatio } from './statistics.ts';

export interface Verdict {
  readonly workload: WorkloadName;
  /** What it is held against, in words. */
  readonly against: string;
  /** What was reached, with its unit where it is no ratio; `null` where it cannot be judged. */
  readonly reached: string | null;
  /** What is asked now, and what was asked first where that is something else. */
  readonly goal: string;
  readonly firstGoal: string | null;
  readonly isReached: boolean | null;
}

/** Every goal of what was measured, in the order of the workloads; one that lacks its base is named too. */
export function judge(measurements: readonly Measurement[]): readonly Verdict[] {
  const measured = WORKLOAD_NAMES.filter((name) => measurements.some(({ workload, peer }) => workload === name && peer === 'sallyport'));
  return measured.flatMap((workload) => [
    ...ratiosOf(workload, measurements),
    ...speedUpOf(workload, measurements),
    ...budgetOf(workload, measurements),
  ]);
}

/** A table of Markdown. */
export function goalTable(verdicts: readonly Verdict[]): string {
  const rows = verdicts.map(({ workload, against, reached, goal, firstGoal, isReached }) => {
    const verdict = isReached === null ? 'not judged' : isReached ? 'reached' : '**missed**';
    return [`\`${workload}\``, against, reached ?? '', goal, firstGoal ?? '', verdict];
  });
  const head = ['workload', 'beside', 'measured', 'goal', 'first goal', ''];
  return [head, ['---', '---', '--:', '--:', '--:', '---'], ...rows].map((cells) => `| ${cells.join(' | ')} |`).join('\n');
}

function ratiosOf(workload: WorkloadName, measurements: readonly Measurement[]): readonly Verdict[] {
  const { goals, firstGoals } = factsOf(workload);
  return (Object.entries(goals) as [GoalBase, number][]).map(([base, most]) => {
    const divisor = isOwn(base) ? ({ workload: base, peer: 'sallyport' } as const) : { workload, peer: base };
    const ratio = costRatio({ workload, peer: 'sallyport' }, divisor, measurements);
    return {
      workload,
      against: isOwn(base) ? `its own \`${base}\`` : TITLES[base],
      reached: ratio?.toFixed(2) ?? null,
      goal: `at most ${most}`,
      firstGoal: firstGoals?.[base]?.toString() ?? null,
      isReached: ratio === null ? null : ratio <= most,
    };
  });
}

/** Where several workers share a core, or nobody has one, the rate says nothing about them. */
function speedUpOf(workload: WorkloadName, measurements: readonly Measurement[]): readonly Verdict[] {
  const { speedUp, workers = 1 } = factsOf(workload);
  if (speedUp === undefined) return [];
  const hasCores = measurements.some((each) => each.workload === workload && (each.cores ?? 0) >= workers);
  const ratio = hasCores ? rateRatio({ workload, peer: 'sallyport' }, { workload: speedUp.of, peer: 'sallyport' }, measurements) : null;
  const why = hasCores ? '' : `; needs ${workers + LOAD_CORES} cores`;
  return [
    {
      workload,
      against: `the rate of its own \`${speedUp.of}\`${why}`,
      reached: ratio?.toFixed(2) ?? null,
      goal: `at least ${speedUp.least}`,
      firstGoal: null,
      isReached: ratio === null ? null : ratio >= speedUp.least,
    },
  ];
}

function budgetOf(workload: WorkloadName, measurements: readonly Measurement[]): readonly Verdict[] {
  const { budget, unit } = factsOf(workload);
  if (budget === undefined) return [];
  const cost = median(measurements.filter((each) => each.workload === workload && each.peer === 'sallyport').map((each) => each.cost));
  if (cost === null) return [];
  const reached = `${cost.toFixed(cost < 10 ? 1 : 0)} ${unit}`;
  return [{ workload, against: 'a budget', reached, goal: `at most ${budget}`, firstGoal: null, isReached: cost <= budget }];
}

function isOwn(base: GoalBase): base is OwnBase {
  return OWN_BASES.some((own) => own === base);
}

export const TITLES: Readonly<Record<RatioBase, string>> = {
  squid: 'Squid',
  ats: 'ATS',
  'squid-bump': 'Squid bump',
  'squid-bump-first': 'Squid client-first',
  mitmproxy: 'mitmproxy',
  floor: 'floor',
};

/** One for the load and one for the origin, see machine.ts. */
const LOAD_CORES = 2;
