import { expect, test } from 'vitest';
import { help, parseOptions } from '../../bench/options.ts';
import { WORKLOAD_NAMES } from '../../bench/plan.ts';

test('measures everything unless told, and leaves the usual peers to what is installed', () => {
  const kept = { out: null, markdown: null, svg: null };
  const expected = { rounds: 5, seconds: 3, warmUpSeconds: 8, workloads: WORKLOAD_NAMES, peers: null, install: false, from: null, ...kept };
  expect(parseOptions([])).toEqual(expected);
});

test('takes lists in any order, each name once', () => {
  const options = parseOptions([
    '--workloads',
    'idle,forward,idle',
    '--peers',
    'floor, ats, sallyport',
    '--rounds=2',
    '--seconds=1',
    '--warm-up=2',
    '--out',
    'x',
    '--svg=y',
    '--install',
    '--from=z',
  ]);
  const workloads = ['forward', 'idle'];
  const peers = ['sallyport', 'ats', 'floor'];
  const files = { from: 'z', out: 'x', markdown: null, svg: 'y' };
  expect(options).toEqual({ rounds: 2, seconds: 1, warmUpSeconds: 2, workloads, peers, install: true, ...files });
});

test.each([
  [['--rounds', '0'], '--rounds: expected a whole number from 1 to 1000; found "0"'],
  [['--warm-up', '0'], '--warm-up: expected a whole number from 1 to 600; found "0"'],
  [['--seconds', '1.5'], '--seconds: expected a whole number from 1 to 600; found "1.5"'],
  [
    ['--peers', 'sallyport,apache'],
    '--peers: expected a list of sallyport, squid, ats, squid-bump, squid-bump-first, mitmproxy, floor; found "apache"',
  ],
  [['--workloads', ''], 'found ""'],
  [['--round', '1'], "Unknown option '--round'"],
  [['idle'], "Unexpected argument 'idle'"],
])('%j is refused in a line', (words, message) => {
  expect(() => parseOptions(words)).toThrow(message);
});

test('help names every workload', () => {
  expect(parseOptions(['-h'])).toBe('help');
  for (const name of WORKLOAD_NAMES) expect(help()).toContain(`\n  ${name} `);
});
