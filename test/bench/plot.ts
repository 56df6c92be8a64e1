// Owns the picture of a run: for each workload a bar as long as Sallyport's cost beside Squid's, as an SVG that needs nothing else and is readable on
// light and dark pages; a diamond where Traffic Server was measured too. The scale is linear and ends at twice Squid's cost: a longer bar is cut, and its
// number tells.
import type { Machine } from './machine.ts';
import { isAboutMemory, type Measurement, type PeerName, WORKLOAD_NAMES, type WorkloadName } from './plan.ts';
import { costRatio } from './statistics.ts';

/** @returns a document of SVG 1.1 */
export function plot(machine: Machine, measurements: readonly Measurement[]): string {
  const bars = WORKLOAD_NAMES.flatMap((workload) => barsOf(workload, measurements));
  const height = TOP + bars.length * ROW + BOTTOM;
  const grid = [0.5, 1, 1.5, 2].map((ratio) => gridLine(ratio, height));
  const title = "Cost of Sallyport beside Squid's, which is 1: shorter is better";
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" role="img" aria-label="${title}">
<style>${STYLE}</style>
<text class="title" x="${LEFT}" y="22">${title}</text>
${[...grid, ...bars.map(drawn)].join('\n')}
<text class="foot" x="${LEFT}" y="${height - 10}">${escaped(footOf(machine, bars))}</text>
</svg>
`;
}

function footOf({ cpu, cores, date }: Machine, bars: readonly Bar[]): string {
  const legend = bars.some(({ ats }) => ats !== null) ? '◆ Traffic Server; ' : '';
  return `${legend}${date}, ${cpu}, ${cores} cores`;
}

interface Bar {
  readonly label: string;
  readonly ratio: number;
  /** Traffic Server's, to Squid too. */
  readonly ats: number | null;
}

function barsOf(workload: WorkloadName, measurements: readonly Measurement[]): readonly Bar[] {
  return BASES.flatMap((base) => {
    const ratio = costRatio({ workload, peer: 'sallyport' }, { workload, peer: base }, measurements);
    if (ratio === null) return [];
    const label = `${workload}${base === 'squid-bump' ? ' (opened TLS)' : ''}${isAboutMemory(workload) && !workload.endsWith('-memory') ? ' (memory)' : ''}`;
    return [{ label, ratio, ats: costRatio({ workload, peer: 'ats' }, { workload, peer: base }, measurements) }];
  });
}

function drawn({ label, ratio, ats }: Bar, index: number): string {
  const y = TOP + index * ROW;
  const width = Math.max(1, x(Math.min(ratio, MOST)) - LEFT);
  const value = ratio.toFixed(2);
  const diamond = ats === null || ats > MOST ? '' : `\n<path class="ats" d="M${x(ats).toFixed(1)} ${y + 5}l6 6-6 6-6-6z"/>`;
  // The number stands behind the bar, and behind a diamond that would hide it.
  const end = LEFT + width;
  const isHidden = diamond !== '' && Math.abs(x(ats ?? 0) - (end + VALUE_WIDTH / 2)) < VALUE_WIDTH;
  const valueX = isHidden ? Math.max(end, x(ats ?? 0) + 6) + 6 : end + 6;
  return `<text class="label" x="${LEFT - 8}" y="${y + 15}">${label}</text>
<rect class="${ratio <= 1 ? 'less' : 'more'}" x="${LEFT}" y="${y + 3}" width="${width.toFixed(1)}" height="16" rx="3"/>
<text class="value" x="${valueX.toFixed(1)}" y="${y + 15}">${value}</text>${diamond}`;
}

function gridLine(ratio: number, height: number): string {
  const at = x(ratio).toFixed(1);
  return `<line class="${ratio === 1 ? 'one' : 'grid'}" x1="${at}" x2="${at}" y1="${TOP - 4}" y2="${height - BOTTOM}"/>
<text class="tick" x="${at}" y="${TOP - 8}">${ratio}</text>`;
}

function x(ratio: number): number {
  return LEFT + (ratio / MOST) * (WIDTH - LEFT - RIGHT);
}

function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;');
}

const BASES = ['squid', 'squid-bump'] as const satisfies readonly PeerName[];
const WIDTH = 720;
const LEFT = 190;
const RIGHT = 50;
const TOP = 56;
const ROW = 24;
const BOTTOM = 34;
const MOST = 2;
const VALUE_WIDTH = 30;
const STYLE = `text{font:13px system-ui,sans-serif;fill:#24292f}.title{font-weight:600;font-size:14px}.label{text-anchor:end}.tick,.foot{font-size:11px;fill:#57606a}.tick{text-anchor:middle}.less{fill:#1a7f64}.more{fill:#b35900}.ats{fill:#57606a;stroke:#fff;stroke-width:1.5}.grid{stroke:#d0d7de}.one{stroke:#57606a;stroke-width:1.5}@media(prefers-color-scheme:dark){text{fill:#e6edf3}.tick,.foot{fill:#9198a1}.less{fill:#3fb68b}.more{fill:#e0883a}.ats{fill:#9198a1;stroke:#0d1117}.grid{stroke:#30363d}.one{stroke:#9198a1}}`;
