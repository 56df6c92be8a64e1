// Owns an exchange's time as a bar of its steps. All bars of the list have one scale, which its head tells, so that long is long wherever one looks.
import type { Summary } from '../../../flows/recorded.ts';
import { durationText } from '../words.ts';

export interface Step {
  readonly name: 'resolve' | 'connect' | 'tls' | 'wait' | 'receive';
  readonly title: string;
  readonly ms: number;
}

/** Steps in their order; those that were not needed are left out. What is not known of the time is waiting. */
export function stepsOf({ resolveMs, connectMs, tlsMs, firstByteMs, totalMs }: Summary): readonly Step[] {
  const before = (resolveMs ?? 0) + (connectMs ?? 0) + (tlsMs ?? 0);
  const first = firstByteMs ?? totalMs ?? before;
  const steps: readonly Step[] = [
    { name: 'resolve', title: 'Resolve', ms: resolveMs ?? 0 },
    { name: 'connect', title: 'Connect', ms: connectMs ?? 0 },
    { name: 'tls', title: 'TLS', ms: tlsMs ?? 0 },
    { name: 'wait', title: 'Wait', ms: Math.max(0, first - before) },
    { name: 'receive', title: 'Receive', ms: Math.max(0, (totalMs ?? first) - first) },
  ];
  return steps.filter(({ ms }) => ms > 0);
}

/** A round number that nine of ten of these fit into. */
export function scaleFor(rows: readonly Summary[]): number {
  const totals = rows.flatMap(({ totalMs, kind }) => (totalMs === null || kind !== 'exchange' ? [] : [totalMs])).sort((a, b) => a - b);
  const most = totals[Math.floor(totals.length * 0.9)] ?? 100;
  return SCALES.find((scale) => scale >= most) ?? SCALES.at(-1)!;
}

export function Waterfall({ row, scaleMs }: { readonly row: Summary; readonly scaleMs: number }) {
  const steps = stepsOf(row);
  const words = steps.map(({ title, ms }) => `${title} ${durationText(ms)}`).join(', ');
  let from = 0;
  const bars = steps.map(({ name, ms }) => {
    const x = from;
    from += (100 * ms) / scaleMs;
    return x >= 100 ? null : (
      <rect key={name} class={`step-${name}`} x={`${x}%`} y="0" width={`${Math.max(0.6, Math.min(100, from) - x)}%`} height="8" />
    );
  });
  return (
    <svg class={`waterfall ${from > 100 ? 'is-longer' : ''}`} height="8" role="img" aria-label={words}>
      <title>{words}</title>
      {bars}
    </svg>
  );
}

const SCALES = [5, 10, 20, 50, 100, 200, 500, 1_000, 2_000, 5_000, 10_000, 30_000, 60_000] as const;
