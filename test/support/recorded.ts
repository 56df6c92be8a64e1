// Owns recorded exchanges for tests: a plain one, with whatever a test needs to be different.
import type { RecordedExchange, RecordedFacts, Summary } from '../../src/flows/recorded.ts';

export function summaryOf(own: Partial<Summary> = {}): Summary {
  return {
    ...{ id: 7, state: 'done', kind: 'exchange', connectId: null, replayOf: null, startedAtMs: 1_760_000_000_123, client: '192.0.2.10' },
    ...{ user: null, method: 'GET', scheme: 'http', host: 'example.com', port: 80, path: '/a?b=1', version: '1.1', status: 200 },
    ...{ outcome: 'forwarded', error: null, decision: 'allow', rule: null, reported: 0, cache: 'forwarded', interception: null },
    ...{ contentType: 'text/plain', requestBytes: 0, responseBytes: 5, resolveMs: 1.5, connectMs: 2, tlsMs: null, firstByteMs: 12.25 },
    ...{ totalMs: 20, messages: 0, touched: [] },
    ...own,
  };
}

export function factsOf(own: Partial<RecordedFacts> = {}): RecordedFacts {
  return {
    ...{ connectionId: 3, clientPort: 50_000, listener: '127.0.0.1:8080', decision: null, hello: null, interceptionReason: null },
    ...{
      route: 'direct',
      judged: [],
      resolvedFrom: 'resolver',
      upstreamAddress: '198.51.100.1',
      upstreamPort: 80,
      reusedConnection: false,
    },
    ...{ upstreamProtocol: '1.1', originTls: null, cache: null, errorMessage: null, changes: [] },
    ...own,
  };
}

export function exchangeOf(own: Partial<RecordedExchange> = {}, summary: Partial<Summary> = {}): RecordedExchange {
  const content = { length: 5, kept: 5, digest: null, isComplete: true, trailers: [] };
  const response = { status: 200, reason: 'OK', version: '1.1', fields: [['Content-Type', 'text/plain']] } as const;
  return {
    summary: summaryOf(summary),
    request: { method: 'GET', target: 'http://example.com/a?b=1', version: '1.1', fields: [['Host', 'example.com']] },
    sent: { method: 'GET', target: '/a?b=1', version: '1.1', fields: [['Host', 'example.com']] },
    received: response,
    response,
    requestContent: null,
    responseContent: content,
    facts: factsOf(),
    ...own,
  };
}
