// Owns the long search for a counterexample: every property again and again, each round with a seed of its own. `npm run fuzz:properties -- --help`.
import { spawnSync } from 'node:child_process';
import { globSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { parseArgs } from 'node:util';

const HELP = `Runs every property with other inputs than npm test does, a seed for each round, until one fails.

  --rounds N   how many (10)
  --seed N     the seed of the first round (the time); the next ones count up from it

A failure is shown with its counterexample, and the run ends with status 1. To see it again: --rounds 1 --seed N.`;

const ROOT = path.resolve(import.meta.dirname, '../..');

function main(): void {
  const { values } = parseArgs({ options: { rounds: { type: 'string' }, seed: { type: 'string' }, help: { type: 'boolean' } } });
  if (values.help === true) {
    console.log(HELP);
    return;
  }
  const rounds = whole('--rounds', values.rounds ?? '10');
  const first = whole('--seed', values.seed ?? String(Date.now() % 2 ** 31));
  const files = globSync('test/**/*.test.ts', { cwd: ROOT }).filter((file) =>
    readFileSync(path.join(ROOT, file), 'utf8').includes("'fast-check'"),
  );
  for (let round = 0; round < rounds; round += 1) {
    const seed = first + round;
    const { status, stdout, stderr } = spawnSync('vitest', ['run', '--config', '.config/vitest.config.ts', ...files], {
      cwd: ROOT,
      env: { ...process.env, PROPERTY_SEED: String(seed) },
      encoding: 'utf8',
      maxBuffer: 2 ** 28,
    });
    const totals = stdout?.trimEnd().split('\n').at(-1) ?? '';
    console.log(`seed ${seed}: ${totals}`);
    if (status === 0) continue;
    console.log(stdout, stderr);
    process.exitCode = 1;
    return;
  }
}

function whole(name: string, text: string): number {
  if (/^\d{1,10}$/.test(text)) return Number(text);
  console.error(`${name} takes a whole number, not ${JSON.stringify(text)}`);
  process.exit(2);
}

main();
