// Owns an exchange's time as a bar of its steps. All bars of the list have one scale, which its head tells, so that long is long wherever one looks.
import type { ComponentChild } from 'preact';
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

/** One element whatever the steps, since the list draws hundreds a second of these. */
export function waterfall(row: Summary, scaleMs: number): ComponentChild {
  const steps = stepsOf(row);
  // What is too short to see is a line still.
  const shares = steps.map(({ ms }) => Math.max((100 * ms) / scaleMs, LEAST_SHARE));
  const isLonger = shares.reduce((sum, share) => sum + share, 0) > 100;
  // What does not fit fades out, in the colour that it has there: a mask would be a picture of its own for each row.
  const most = isLonger ? FADES_AT : 100;
  let to = 0;
  const stops = steps.flatMap(({ name }, at) => {
    const from = to;
    to += shares[at]!;
    return from < most ? [`var(--${name}) ${from.toFixed(1)}% ${Math.min(to, most).toFixed(1)}%`] : [];
  });
  const words = steps.map(({ title, ms }) => `${title} ${durationText(ms)}`).join(', ');
  return (
    <div
      class="waterfall"
      role="img"
      aria-label={words}
      title={words}
      style={{
        backgroundImage:
          stops.length === 0 ? 'none' : `linear-gradient(to right, ${stops.join(', ')}, transparent ${isLonger ? '100%' : '0'})`,
      }}
    />
  );
}

/** Per cent. */
const LEAST_SHARE = 1;
const FADES_AT = 88;
const SCALES = [5, 10, 20, 50, 100, 200, 500, 1_000, 2_000, 5_000, 10_000, 30_000, 60_000] as const;
