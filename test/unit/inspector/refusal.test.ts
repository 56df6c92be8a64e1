// What a refusal is told as in the list and in the detail. test/behaviour/inspector-rows.test.ts has those that a proxy makes.
import { expect, test } from 'vitest';
import type { Summary } from '../../../src/flows/recorded.ts';
import { denialWords, failureWords, mayBeAllowed } from '../../../src/inspector/ui/traffic/refusal.ts';

const DENIED: Summary = {
  ...{ id: 1, state: 'done', kind: 'exchange', connectId: null, replayOf: null, startedAtMs: 0, client: '127.0.0.1', user: null },
  ...{ method: 'GET', scheme: 'http', host: 'a.test', port: 80, path: '/', version: '1.1', status: 403, outcome: 'denied', error: null },
  ...{ decision: 'deny', rule: 'R', reported: 0, cache: null, interception: null, contentType: null, requestBytes: 0, responseBytes: 0 },
  ...{ resolveMs: null, connectMs: null, tlsMs: null, firstByteMs: null, totalMs: 1, messages: 0, touched: [] },
};

test.each<[Partial<Summary>, words: string, mayBeAllowed: boolean]>([
  [{}, 'Denied by rule ‘R’', true],
  [{ rule: null }, 'Denied by the default', true],
  [{ status: 429 }, 'Denied by rule ‘R’', true],
  [{ status: 429, decision: 'allow' }, 'Over a limit of rule ‘R’', false],
  [{ status: 407, decision: null, rule: null }, 'Credentials needed', false],
  [{ status: 407, deniedFor: 'identity-needed' }, 'Credentials needed: rule ‘R’ asks who it is', false],
  [{ deniedFor: 'unknown-method', method: 'BREW', rule: null }, 'Denied: BREW is not a registered method', false],
  [{ deniedFor: 'unknown-method', method: 'BREW' }, 'Denied: BREW is not a registered method', false],
  [{ deniedFor: 'connect-ports', method: 'CONNECT', port: 25, rule: null }, 'Denied: CONNECT to port 25 is not in connect_ports', true],
  [{ deniedFor: 'unusable-question', rule: null }, 'Denied: the destination is not in its canonical form', false],
  [{ deniedFor: 'unusable-type' }, 'Denied: rule ‘R’ cannot judge the type of the answer', false],
  [{ outcome: 'failed', status: 502, error: 'destination_ip_prohibited' }, 'Refused: its address is not one to connect to', true],
  [{ outcome: 'failed', status: 431, error: 'http_request_error' }, 'Refused: its fields are too large', false],
  [{ outcome: 'failed', status: 200, error: 'http_request_error' }, 'Failed: http request error', false],
  [{ outcome: 'failed', status: 502, error: 'connection_refused' }, 'Failed: connection refused', false],
])('%o is told as: %s', (how, words, isAllowable) => {
  const row = { ...DENIED, ...how };
  expect([row.outcome === 'denied' ? denialWords(row) : failureWords(row), mayBeAllowed(row)]).toEqual([words, isAllowable]);
});
