// A short turn of the fuzzer in every test run; `npm run fuzz` is the long one. Kept crashes are replayed as they were.
import { globSync } from 'node:fs';
import path from 'node:path';
import { expect, it } from 'vitest';
import { fuzz, replay } from './fuzz.ts';

it('no spoiled message or target breaks a rule of the codec', async () => {
  const totals = await fuzz({ inputs: 200_000, seed: 20_260, maxMs: 5_000 });
  // Else the inputs have become so odd, or so tame, that they find nothing.
  expect(totals.accepted).toBeGreaterThan(totals.inputs / 20);
  expect(totals.refused).toBeGreaterThan(totals.inputs / 4);
});

it('inputs that once broke a rule no longer do', () => {
  const files = globSync('corpus/crashes/*.bin', { cwd: import.meta.dirname });
  for (const file of files) expect(() => replay(path.join(import.meta.dirname, file)), file).not.toThrow();
});
