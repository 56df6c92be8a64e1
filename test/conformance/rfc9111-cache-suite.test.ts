// The public suite of RFC 9111, through this proxy as a forward proxy. Its figures are printed as a table; what does not pass stands in
// cache-suite/explained.ts, and nothing else may. cache-suite/run.ts runs it by hand, through any proxy, and shows single tests.
//
// This is the suite as published on npm (0.4.5). Five of its 334 tests ask about private caches and are left out, as by the suite itself.
import { beforeAll, describe, expect, it } from 'vitest';
import { succeed } from '../support/programs.ts';
import { EXPLAINED } from './cache-suite/explained.ts';
import { countOf, notAsExplained, type Outcome, summaryOf, tableOf } from './cache-suite/outcomes.ts';

const RUN_TIMEOUT_MS = 300_000;

describe.each([
  ['by default', []],
  ['with the targeted field CDN-Cache-Control (RFC 9213)', ['--targeted']],
])('the public cache suite, %s', (setUp, options) => {
  let outcomes: readonly Outcome[];
  beforeAll(async () => {
    const program = new URL('cache-suite/run.ts', import.meta.url).pathname;
    outcomes = JSON.parse(String(await succeed(process.execPath, [program, '--json', ...options])));
    console.log(`Public cache suite, ${setUp}: ${summaryOf(outcomes)}\n${tableOf(outcomes)}`);
  }, RUN_TIMEOUT_MS);

  it('runs whole', () => {
    const totals = (['required', 'optimal', 'check'] as const).map((kind) => countOf(outcomes, kind).total);
    expect(totals).toEqual([157, 86, 86]);
    expect(outcomes.filter(({ reason }) => reason === 'not run')).toEqual([]);
  });

  it('is passed, but for what is explained', () => {
    expect(notAsExplained(outcomes, EXPLAINED)).toEqual([]);
  });
});
