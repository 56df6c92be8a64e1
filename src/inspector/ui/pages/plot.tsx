// Owns plots over time: lines on a grid with round numbers, and what they were at the place that is pointed at. They are drawn from numbers alone.
import { useSignal } from '@preact/signals';

export interface Series {
  readonly name: string;
  readonly tone: 'accent' | 'denied' | 'failed' | 'hit';
  readonly values: readonly number[];
}

interface PlotProps {
  readonly title: string;
  /** One for each place; milliseconds since the epoch. */
  readonly timesMs: readonly number[];
  readonly series: readonly Series[];
  readonly format: (value: number) => string;
  /** What the grid is round in: octets in their own units. */
  readonly isOctets?: boolean;
}

export function Plot({ title, timesMs, series, format, isOctets = false }: PlotProps) {
  const pointed = useSignal<number | null>(null);
  const most = (isOctets ? roundOctets : roundUp)(Math.max(1e-9, ...series.flatMap(({ values }) => values)));
  const places = Math.max(2, timesMs.length);
  const at = pointed.value === null ? null : Math.min(places - 1, Math.round(pointed.value * (places - 1)));
  const point = (event: PointerEvent) => {
    const { left, width } = (event.currentTarget as Element).getBoundingClientRect();
    pointed.value = Math.max(0, Math.min(1, (event.clientX - left) / width));
  };
  return (
    <figure class="plot">
      <figcaption class="plot-head">
        <strong>{title}</strong>
        <span class="plot-legend">
          {series.map(({ name, tone, values }) => (
            <span key={name} class={`plot-key is-${tone}`}>
              {name} <span class="number">{format(values[at ?? values.length - 1] ?? 0)}</span>
            </span>
          ))}
        </span>
        <span class="soft number">{at === null ? 'now' : CLOCK.format(timesMs[at] ?? 0)}</span>
      </figcaption>
      <div class="plot-frame" onPointerMove={point} onPointerLeave={() => (pointed.value = null)}>
        <svg
          class="plot-lines"
          viewBox={`0 0 ${places - 1} 100`}
          preserveAspectRatio="none"
          role="img"
          aria-label={wordsOf(title, series, format)}
        >
          {[0, 50, 100].map((y) => (
            <line key={y} class="plot-grid" x1="0" x2={places - 1} y1={y} y2={y} />
          ))}
          {/* The first is what the others are parts of, and lies above them. */}
          {series.toReversed().map(({ name, tone, values }) => (
            <g key={name} class={`is-${tone}`}>
              {name === series[0]?.name && <path class="plot-area" d={`${lineOf(values, most)}L${places - 1},100L0,100Z`} />}
              <path class="plot-line" d={lineOf(values, most)} />
            </g>
          ))}
          {at !== null && <line class="plot-cursor" x1={at} x2={at} y1="0" y2="100" />}
        </svg>
        <span class="plot-most soft number">{format(most)}</span>
        <span class="plot-half soft number">{format(most / 2)}</span>
      </div>
      <div class="plot-times soft number" aria-hidden="true">
        {[timesMs[0], timesMs[Math.floor(timesMs.length / 2)], timesMs.at(-1)].map((time, index) => (
          <span key={index}>{time === undefined ? '' : CLOCK.format(time)}</span>
        ))}
      </div>
    </figure>
  );
}

function lineOf(values: readonly number[], most: number): string {
  const points = values.map((value, x) => `${x},${(100 - (100 * value) / most).toFixed(2)}`);
  return points.length === 0 ? 'M0,100' : `M${points.join('L')}`;
}

function wordsOf(title: string, series: readonly Series[], format: (value: number) => string): string {
  const each = series.map(({ name, values }) => `${name}: now ${format(values.at(-1) ?? 0)}, at most ${format(Math.max(0, ...values))}`);
  return `${title}. ${each.join('; ')}.`;
}

/** The next of 1, 1.5, 2, 3, 4, 6, 8, 10, 15 …: half of each is short to write, too. */
function roundUp(value: number): number {
  const magnitude = 10 ** Math.floor(Math.log10(value));
  return [1, 1.5, 2, 3, 4, 6, 8, 10].map((step) => step * magnitude).find((step) => step >= value - 1e-12)!;
}

/** The same in B, KiB, MiB …: 1024 of one are the next. */
function roundOctets(octets: number): number {
  const unit = 1_024 ** Math.max(0, Math.floor(Math.log2(octets) / 10));
  return Math.min(roundUp(Math.max(1, octets / unit)), 1_024) * unit;
}

const CLOCK = new Intl.DateTimeFormat('en-GB', { hour: '2-digit', minute: '2-digit', second: '2-digit' });
