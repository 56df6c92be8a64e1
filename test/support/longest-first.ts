// Owns the order in which test files begin: those that take longest come first, whichever project they are of, so that a run does not end with
// one core at work. Vitest orders by what it remembers of the last run, and a fresh clone has none.
import { BaseSequencer, type TestSpecification } from 'vitest/node';

export default class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const sorted = await super.sort(files);
    return sorted.sort((a, b) => groupOf(a) - groupOf(b) || rankOf(a) - rankOf(b));
  }
}

function groupOf({ project }: TestSpecification): number {
  return project.config.sequence.groupOrder;
}

function rankOf({ moduleId }: TestSpecification): number {
  const rank = LONGEST.findIndex((name) => moduleId.endsWith(`/test/${name}.test.ts`));
  return rank === -1 ? LONGEST.length : rank;
}

/** More than some seconds each, on two cores. What mostly waits is between those that compute. */
const LONGEST = [
  'property/decide-as-documented',
  'property/cache-stores',
  'e2e/chromium-big',
  'behaviour/soak-short',
  'e2e/inspector-actions',
  'e2e/doctor',
  'e2e/big-transfers',
  'behaviour/disk-store-crash',
  'e2e/opened-tunnels-chromium',
  'conformance/rfc9111-cache-suite',
  'e2e/cli',
  'behaviour/rule-limits',
  'e2e/run-command',
  'e2e/flows-commands',
  'behaviour/policy-on-the-line-reload',
  'e2e/opened-tunnels-curl',
];
