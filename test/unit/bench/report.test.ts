import { expect, test } from 'vitest';
import type { Machine } from '../../bench/machine.ts';
import type { Measurement, PeerName, WorkloadName } from '../../bench/plan.ts';
import { report } from '../../bench/report.ts';

const machine: Machine = {
  cpu: 'Example CPU',
  cores: 2,
  memoryGiB: 8,
  kernel: 'Linux 6.1.0 x64',
  loadAverage: 0.25,
  versions: ['sallyport 0.1.0', 'Squid Cache: Version 5.7'],
};

test('says where the figures come from', () => {
  const text = report(machine, []);
  expect(text).toContain('Example CPU, 2 cores, 8 GiB; Linux 6.1.0 x64; load average before 0.25\n');
  expect(text).toContain('sallyport 0.1.0; Squid Cache: Version 5.7\n');
});

test('a row holds the median, the spread and the ratios within rounds', () => {
  const text = report(machine, [
    ...rounds('forward', 'sallyport', [40, 80, 50]),
    ...rounds('forward', 'squid', [100, 160, 100]),
    ...rounds('forward', 'floor', [20, 40, 20]),
  ]);
  expect(text).toContain('| forward | sallyport | us/request | 50.0 | 40.0 | 80.0 | 0.50 | 2.00 | 500/s | 0.90 | 64.0 | 3 | 3 |');
  expect(text).toContain('| forward | squid | us/request | 100.0 | 100.0 | 160.0 | 1.00 | 5.00 |');
});

test('octets are shown as a rate of octets', () => {
  expect(report(machine, rounds('upload-1', 'squid', [1.5], 3e9))).toContain(
    '| upload-1 | squid | s/GiB | 1.500 | 1.500 | 1.500 | 1.00 |  | 1.50 GB/s |',
  );
});

test('says of each goal whether it is met; a workload without a goal is only stated', () => {
  const text = report(machine, [
    ...rounds('forward', 'sallyport', [45]),
    ...rounds('forward', 'squid', [100]),
    ...rounds('connect', 'sallyport', [120]),
    ...rounds('connect', 'squid', [100]),
    ...rounds('upload-1', 'sallyport', [1]),
    ...rounds('upload-1', 'squid', [1]),
  ]);
  expect(text).toMatch(/\nGoals, as ratios to Squid: forward 0\.45 <= 0\.45 met; connect 1\.20 > 1\.1 NOT MET\.$/);
});

test('without Squid no goal is judged', () => {
  expect(report(machine, rounds('forward', 'sallyport', [1]))).toMatch(/\nGoals need both sallyport and squid\.$/);
});

function rounds(workload: WorkloadName, peer: PeerName, costs: readonly number[], operations = 1_000): Measurement[] {
  return costs.map((cost, index) => ({
    ...{ round: index + 1, workload, peer, cost, operations },
    ...{ seconds: 2, busy: 0.9, memoryMiB: 64, errors: 1, firstError: 'one' },
  }));
}
