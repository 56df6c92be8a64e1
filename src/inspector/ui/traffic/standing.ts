// Owns how an exchange stands, at a glance: one picture, one colour and one sentence, the same in the list, in the detail and at breakpoints. The first
// that applies counts, so that what somebody has to act on is seen before what merely happened.
import type { Summary } from '../../../flows/recorded.ts';
import type { IconName } from '../icons.tsx';
import { denialWords, failureWords } from './refusal.ts';

export type Tone = 'denied' | 'failed' | 'hit' | 'validated' | 'opened' | 'tunnel' | 'websocket' | 'plain' | 'pending';

export interface Standing {
  readonly icon: IconName;
  readonly tone: Tone;
  /** Without a full stop. */
  readonly words: string;
}

export function standingOf(row: Summary): Standing {
  const { outcome, cache } = row;
  if (row.state === 'pending' && row.kind === 'exchange') return PENDING;
  if (outcome === 'denied') return { icon: 'denied', tone: 'denied', words: denialWords(row) };
  if (outcome === 'failed') return { icon: 'failed', tone: 'failed', words: failureWords(row) };
  if (outcome === 'aborted') return { icon: 'aborted', tone: 'failed', words: 'The client left before the end' };
  if (row.kind === 'websocket') return { icon: 'websocket', tone: 'websocket', words: 'WebSocket' };
  if (row.interception === 'opened') return { icon: 'opened', tone: 'opened', words: 'Tunnel, opened' };
  if (row.interception === 'refused') return { icon: 'denied', tone: 'denied', words: 'Tunnel, ended after the greeting' };
  if (row.kind === 'tunnel') return { icon: 'tunnel', tone: 'tunnel', words: 'Tunnel, left closed' };
  if (cache === 'hit') return { icon: 'hit', tone: 'hit', words: 'Cache hit' };
  if (cache === 'stale') return { icon: 'hit', tone: 'failed', words: 'Answered from the cache, stale' };
  if (cache === 'validated') return { icon: 'validated', tone: 'validated', words: 'Cache hit, validated with the origin' };
  if (outcome === 'answered') return { icon: 'answered', tone: 'plain', words: 'Answered by the proxy itself' };
  return { icon: 'forwarded', tone: 'plain', words: 'Answered by the origin' };
}

/** Of its status code. */
export function statusTone({ status, outcome }: Summary): Tone {
  if (outcome === 'denied') return 'denied';
  return status >= 400 ? 'failed' : 'plain';
}

const PENDING: Standing = { icon: 'pending', tone: 'pending', words: 'Under way' };
