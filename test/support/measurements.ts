// Measurements of a benchmark as if they had been taken, for tests of what is made of them.
import type { Machine } from '../bench/machine.ts';
import { type Measurement, type PeerName, WORKLOADS, type WorkloadName } from '../bench/plan.ts';

export const EXAMPLE_MACHINE: Machine = {
  cpu: 'Example CPU',
  cores: 2,
  memoryGiB: 8,
  kernel: 'Linux 6.1.0 x64',
  loadAverage: 0.25,
  versions: ['sallyport 0.1.0', 'Squid Cache: Version 5.7'],
  date: '2026-11-23',
};

/** @param costs  one a round */
export function rounds(workload: WorkloadName, peer: PeerName, costs: readonly number[], operations = 1_000): Measurement[] {
  return costs.map((cost, index) => ({
    ...{ round: index + 1, workload, peer, cost, operations },
    ...{
      seconds: 2,
      busy: 0.9,
      memoryMiB: 64,
      hitRatio: WORKLOADS[workload].cache === null ? null : 0.99951,
      p50Ms: WORKLOADS[workload].unit === 'ms' ? cost / 2 : null,
      cores: 1,
      errors: 1,
      firstError: 'one',
    },
  }));
}
