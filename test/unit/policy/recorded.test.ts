import { describe, expect, test } from 'vitest';
import { createFlow, type Flow } from '../../../src/flows/flow.ts';
import { jsonLine } from '../../../src/observe/log-json.ts';
import { ask } from '../../../src/policy/ask.ts';
import { compilePolicy } from '../../../src/policy/compile.ts';
import { parseRecorded, type Recorded } from '../../../src/policy/recorded.ts';
import { policy, questionFor } from '../../support/questions.ts';

const OPEN = compilePolicy(policy('allow', []));

test.each([{ method: 'GET\u001b[2J' }, { method: '' }, { target: 'http://a.example/\u202e' }, { target: 'http://a.example/ x' }])(
  'a line that no request made, as somebody would write it to steer a terminal, is no such line: %j',
  (changes) => {
    const line = JSON.stringify({ ...(JSON.parse(logged('GET http://a.example/')) as object), ...changes });
    expect(parseRecorded(line)).toBe('unreadable');
  },
);

/** The line that the proxy would write. */
function logged(request: string, changes: Partial<Flow> = {}): string {
  const [method = '', target = ''] = request.split(' ');
  const flow = createFlow({ id: 1, listener: 'lan', address: '10.1.2.3', port: 40_000, connectId: null });
  const question = questionFor(request);
  const { decision } = ask(OPEN, { question, addresses: [] });
  const forwarded = {
    method,
    target,
    decision,
    route: 'direct',
    upstreamAddress: '93.184.216.34',
    upstreamPort: 80,
    status: 200,
    outcome: 'forwarded',
  } as const;
  return jsonLine(Object.assign(flow, forwarded, changes)).trimEnd();
}

function recorded(line: string): Recorded {
  const found = parseRecorded(line);
  if (typeof found === 'string') throw new Error(found);
  return found;
}

test('a request comes back as it was asked', () => {
  const found = recorded(logged('GET http://a.example:8080/x?y=1', { user: 'ann', contentType: 'text/html; charset=utf-8' }));
  expect(found).toMatchObject({ clientAddress: '10.1.2.3', user: 'ann', ending: 'passed', addresses: ['93.184.216.34'] });
  expect(found.question).toMatchObject({
    ...{ method: 'GET', scheme: 'http', host: 'a.example', port: 8080, pathAndQuery: '/x?y=1', clientAddress: '10.1.2.3', listener: 'lan' },
    identity: { user: 'ann', groups: [], claims: null },
    response: { contentTypes: ['text/html'], contentLength: 0 },
  });
});

test('groups, the length of the content and the upgrade come back where the log tells them', () => {
  const question = questionFor('POST http://a.example/', {
    contentLength: 7,
    upgrade: 'websocket',
    identity: { user: 'ann', groups: ['eng'], claims: null },
  });
  const { decision } = ask(OPEN, { question, addresses: [] });
  expect(recorded(logged('POST http://a.example/', { user: 'ann', decision })).question).toMatchObject({
    ...{ contentLength: 7, upgrade: 'websocket', identity: { user: 'ann', groups: ['eng'], claims: null } },
  });
});

test('a tunnel comes back, and whoever did not say who it is could still be asked', () => {
  const { question, addresses } = recorded(
    logged('CONNECT a.example:443', { upstreamAddress: '2606:2800:220:1::1', outcome: 'tunnelled' }),
  );
  expect(question).toMatchObject({
    method: 'CONNECT',
    scheme: 'tunnel',
    host: 'a.example',
    port: 443,
    pathAndQuery: null,
    identity: 'unasked',
  });
  expect(addresses).toEqual(['2606:2800:220:1::1']);
});

test('the server name comes back where the log has it, and is the usual one elsewhere', () => {
  const line = JSON.parse(logged('CONNECT a.example:443')) as object;
  expect(recorded(JSON.stringify({ ...line, sni: 'b.example' })).question.hello).toEqual({ protocol: 'tls', serverName: 'b.example' });
  expect(recorded(JSON.stringify(line)).question.hello).toEqual({ protocol: 'tls', serverName: 'a.example' });
  expect(recorded(logged('CONNECT 192.0.2.1:443')).question.hello).toEqual({ protocol: 'tls', serverName: null });
  expect(recorded(logged('GET http://a.example/')).question.hello).toBeNull();
});

test('through a parent proxy nobody knows the address', () => {
  expect(recorded(logged('GET http://a.example/', { route: 'parent.example:3128' })).addresses).toEqual([]);
});

describe('how it ended', () => {
  const denied = {
    ...ask(OPEN, { question: questionFor('GET http://a.example/'), addresses: [] }).decision,
    action: 'deny' as const,
    position: { file: 'p.yaml', line: 1, column: 1 },
  };
  const judged = [{ address: '169.254.169.254', allowed: false, reason: 'link-local' }];
  test.each<[string, Partial<Flow>, Partial<Recorded>]>([
    [
      'denied by a rule',
      { decision: denied, outcome: 'denied', route: null, upstreamAddress: null },
      { ending: 'denied', deniedBy: 'p.yaml:1' },
    ],
    ['denied by the guard', { judged, outcome: 'failed', upstreamAddress: null }, { ending: 'denied', deniedBy: 'the address guard' }],
    ['passed after another address', { judged }, { ending: 'passed' }],
    ['failed', { outcome: 'failed', upstreamAddress: null }, { ending: 'failed' }],
    ['left before it was sent', { outcome: 'aborted', upstreamAddress: null }, { ending: 'failed' }],
    ['left while it was answered', { outcome: 'aborted' }, { ending: 'passed' }],
  ])('%s', (_what, changes, expected) => {
    expect(recorded(logged('GET http://a.example/', changes))).toMatchObject(expected);
  });
});

test.each<[string, string]>([
  [logged('GET http://a.example/', { decision: null, status: 400 }), 'unasked'],
  [logged('GET http://a.example/', { status: 407 }), 'unasked'],
  [logged('GET http://a.example/', { target: '/own/page' }), 'unasked'],
  [logged('GET http://a.example/', { target: 'http://user@a.example.:0/' }), 'unasked'],
  ['', 'unreadable'],
  ['null', 'unreadable'],
  ['[]', 'unreadable'],
  ['{"time":"yesterday"}', 'unreadable'],
  ['10.1.2.3 - - [10/Oct/2000:13:55:36 +0000] "GET / HTTP/1.1" 200 5', 'unreadable'],
])('%j is no request to ask about', (line, verdict) => {
  expect(parseRecorded(line)).toBe(verdict);
});
