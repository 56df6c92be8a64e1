// Owns what `is:` finds out: whether an exchange is in a state that its row shows.
import type { FilterSubject } from './subject.ts';
import type { StateName } from './words.ts';

export function isInState(state: StateName, subject: FilterSubject): boolean {
  return STATE_TESTS[state](subject);
}

const STATE_TESTS: Readonly<Record<StateName, (subject: FilterSubject) => boolean>> = {
  hit: ({ summary }) => summary.cache === 'hit',
  miss: ({ summary }) => summary.cache === 'forwarded',
  revalidated: ({ summary }) => summary.cache === 'validated',
  stale: ({ summary }) => summary.cache === 'stale',
  stored: ({ facts }) => isStored(facts?.cache?.storing ?? ''),
  denied: ({ summary }) => summary.outcome === 'denied',
  allowed: ({ summary }) => summary.decision !== null && summary.decision !== 'deny',
  reported: ({ summary }) => summary.reported > 0,
  failed: ({ summary }) => summary.outcome === 'failed',
  aborted: ({ summary }) => summary.outcome === 'aborted',
  pending: ({ summary }) => summary.state === 'pending',
  done: ({ summary }) => summary.state === 'done',
  tunnel: ({ summary }) => summary.kind === 'tunnel',
  opened: ({ summary }) => summary.interception === 'opened',
  passed: ({ summary }) => summary.interception === 'passed',
  refused: ({ summary }) => summary.interception === 'refused',
  inside: ({ summary }) => summary.connectId !== null,
  websocket: ({ summary }) => summary.kind === 'websocket',
  sse: ({ summary }) => summary.contentType?.toLowerCase().startsWith('text/event-stream') ?? false,
  replayed: ({ summary }) => summary.replayOf !== null,
  rewritten: ({ summary }) => summary.touched.some((name) => name !== 'breakpoint'),
  held: ({ summary }) => summary.touched.includes('breakpoint'),
  slow: ({ summary }) => (summary.totalMs ?? 0) > SLOW_MS,
};

/** By the cache's code for what became of the response. Its table is not for the page, which has this file in it; a test holds them together. */
function isStored(code: string): boolean {
  return code.startsWith('stored-') || code === 'forced-by-policy';
}

const SLOW_MS = 1_000;
