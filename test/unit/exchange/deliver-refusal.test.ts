import { describe, expect, it } from 'vitest';
import { deliverDenial, deliverRefusal } from '../../../src/exchange/deliver-refusal.ts';
import type { Incoming, Received, ReceivedConnect, Refusal } from '../../../src/exchange/exchange.ts';
import { createFlow } from '../../../src/flows/flow.ts';
import { parseAuthority } from '../../../src/http/authority.ts';
import { type Fields, NO_FIELDS } from '../../../src/http/message.ts';
import type { Question } from '../../../src/match/question.ts';
import { Cancellation } from '../../../src/net/cancellation.ts';
import type { Decision, Denial, Rule } from '../../../src/policy/policy.ts';

const context = { via: 'sally', date: () => 'Sun, 06 Nov 1994 08:49:37 GMT' };

describe('a denial', () => {
  it('has the status, the words, the owner and the link of its rule', () => {
    const { status, problem } = refused({ kind: 'denial', decision: denied({ status: 451 }) });
    expect(status).toBe(451);
    expect(problem).toMatchObject({
      status: 451,
      title: 'Unavailable For Legal Reasons',
      code: 'http_request_denied',
      decision: "Denied by rule 'Adverts' (corp.yaml:12).",
      decided_by: 'rule',
      refused: 'request',
      rule: 'Adverts',
      file: 'corp.yaml',
      line: 12,
      rule_message: 'Adverts are blocked here.',
      owner: 'IT desk',
      request_access: 'https://corp.example/ask',
      retry_after: null,
    });
  });

  it('is 403 where no rule decided, and where a rule could not judge', () => {
    expect(refused({ kind: 'denial', decision: { ...denied({}), rule: null, decidedBy: 'default' } }).status).toBe(403);
    const unusable = refused({ kind: 'denial', decision: { ...denied({ status: 451 }), decidedBy: 'identity-needed' } });
    expect(unusable.status).toBe(403);
    expect(unusable.problem).toMatchObject({ rule: 'Adverts', decided_by: 'identity-needed', rule_message: null, owner: null });
  });

  it.each(['connect', 'request'] as const)('of a %s names the rule in the reason phrase, which is all that many programs show', (kind) => {
    expect(refused({ kind: 'denial', decision: denied({}) }, kind).reason).toBe("Denied by rule 'Adverts' (corp.yaml:12)");
  });

  it.each([
    ['is not ASCII', 'Würfelspiele'],
    ['is long', 'a'.repeat(80)],
    ['would end the line', 'x\r\nSet-Cookie: y'],
  ])('names the place where the name of the rule %s', (_, name) => {
    const { reason, proxyStatus } = refused({ kind: 'denial', decision: denied({}, name) });
    expect(reason).toBe('Denied by corp.yaml:12');
    expect(proxyStatus).toMatch(/^sally;error=http_request_denied;details="[\x20-\x7e]*"$/);
  });

  it('of an answer says that the answer was refused', () => {
    const decision = denied({});
    const answered = { ...decision, question: { ...decision.question, response: { contentTypes: ['image/png'], contentLength: 1 } } };
    const { problem } = refused({ kind: 'denial', decision: answered });
    expect(problem).toMatchObject({ refused: 'answer' });
    expect(problem['detail']).toContain('The answer of the site was refused.');
  });

  it('of content that grew too large says that a part of it was sent', () => {
    const client = new Client('request');
    deliverDenial(client.received, denied({}), context, 'content');
    expect(client.answer().problem).toMatchObject({ refused: 'content' });
  });

  it('is what the record says, without an error', () => {
    const { flow } = refused({ kind: 'denial', decision: denied({}) });
    expect(flow).toMatchObject({ outcome: 'denied', error: null, contentType: 'application/problem+json' });
  });
});

describe('a challenge (RFC 9110 §15.5.8)', () => {
  const challenges = ['Basic realm="sally", charset="UTF-8"', 'Bearer realm="sally"'];

  it('has a field for each scheme, and is no error to Proxy-Status while nobody has said who they are', () => {
    const { status, reason, fields, proxyStatus, problem } = refused({ kind: 'challenge', challenges, reason: null });
    expect([status, reason]).toEqual([407, 'Proxy Authentication Required']);
    expect(fields.filter(({ name }) => name === 'Proxy-Authenticate').map(({ value }) => value)).toEqual(challenges);
    expect(proxyStatus).toBe('sally;error=proxy_internal_response;details="credentials are needed"');
    expect(problem).toMatchObject({ code: 'proxy_internal_response', decision: null });
    expect(problem['next_step']).toContain('http://user:password@host:port');
  });

  it('says why the credentials that came are not good', () => {
    const { proxyStatus, problem } = refused({ kind: 'challenge', challenges, reason: 'The token expired at 09:00.' });
    expect(proxyStatus).toBe('sally;error=http_request_denied;details="The token expired at 09:00."');
    expect(problem['detail']).toContain('The token expired at 09:00.');
  });
});

describe('a limit (RFC 6585 §4)', () => {
  it.each([
    [0.2, 1],
    [1.5, 2],
    [3_600, 3_600],
  ])('that has room again in %d s says %d in Retry-After and in the page', (seconds, said) => {
    const decision: Decision = { ...denied({}), action: 'allow' };
    const { status, reason, fields, proxyStatus, problem } = refused({
      kind: 'limited',
      decision,
      reason: "rule 'Adverts' allows 10 requests a second",
      retryAfterSeconds: seconds,
    });
    expect([status, reason]).toEqual([429, "Rule 'Adverts' allows 10 requests a second"]);
    expect(fields).toContainEqual({ name: 'Retry-After', value: String(said) });
    expect(proxyStatus).toBe('sally;error=http_request_denied;details="rule \'Adverts\' allows 10 requests a second"');
    expect(problem).toMatchObject({ rule: 'Adverts', line: 12, retry_after: said });
    expect(problem['detail']).toContain('allows 10 requests a second.');
  });
});

describe('credentials that cannot be checked now', () => {
  it('are answered with 503, the reason and when to come back', () => {
    const reason = 'the directory that knows the users does not answer';
    const { status, fields, proxyStatus, problem, flow } = refused({ kind: 'unavailable', reason, retryAfterSeconds: 5 });
    expect(status).toBe(503);
    expect(fields).toContainEqual({ name: 'Retry-After', value: '5' });
    expect(proxyStatus).toBe(`sally;error=proxy_internal_error;details="${reason}"`);
    expect(problem).toMatchObject({ code: 'proxy_internal_error', blame: 'proxy', retry_after: 5 });
    expect(problem['detail']).toContain('The directory that knows the users does not answer.');
    expect(flow).toMatchObject({ outcome: 'failed', error: { message: reason } });
  });
});

function refused(refusal: Refusal, kind: 'connect' | 'request' = 'request') {
  const client = new Client(kind);
  deliverRefusal(client.received, refusal, context);
  return client.answer();
}

/** Somebody who accepts JSON, and keeps the answer. */
class Client {
  readonly flow = createFlow({ id: 1, listener: 'test', address: '192.0.2.1', port: 1, connectId: null });
  readonly received: Received | ReceivedConnect;
  #answer: { status: number; reason: string; fields: Fields } | null = null;
  #content = '';

  constructor(kind: 'connect' | 'request') {
    const authority = parseAuthority('ads.example:443', null);
    const incoming: Incoming = {
      head: { method: 'GET', target: '', version: '1.1', fields: [{ name: 'Accept', value: 'application/json' }] },
      body: null,
      client: { address: '192.0.2.1', isLocal: false, authentication: null },
      flow: this.flow,
      cancellation: new Cancellation(),
      tunnel: null,
      isBackground: false,
      responder: {
        interim: () => {},
        abort: () => {},
        takeOver: () => {
          throw new Error('no tunnel in this test');
        },
        respond: (status, reason, fields, body) => {
          this.#answer = { status, reason, fields };
          body?.start({
            write: (bytes) => {
              this.#content += bytes;
              return 0;
            },
            end: () => {},
            fail: () => {},
          });
        },
      },
    };
    const request = { incoming, scheme: 'https', authority, pathAndQuery: '/', upgrade: null } as const;
    this.received = kind === 'connect' ? { incoming, authority } : request;
  }

  answer() {
    if (this.#answer === null) throw new Error('nothing was answered');
    const { fields } = this.#answer;
    return {
      ...this.#answer,
      flow: this.flow,
      proxyStatus: fields.find(({ name }) => name === 'Proxy-Status')?.value,
      problem: JSON.parse(this.#content) as Record<string, unknown>,
    };
  }
}

function denied(denial: Partial<Denial>, name = 'Adverts'): Decision {
  const position = { file: '/etc/sallyport/corp.yaml', line: 12, column: 5 };
  const rule: Rule = {
    action: 'deny',
    name,
    condition: { kind: 'all', of: [] },
    position,
    denial: { status: 403, message: 'Adverts are blocked here.', owner: 'IT desk', requestAccess: 'https://corp.example/ask', ...denial },
    allowPrivate: 'none',
    limits: null,
    cache: null,
    interception: null,
    acceptCertificate: null,
  };
  return { action: 'deny', rule, decidedBy: 'rule', position, question: QUESTION, awaits: 'nothing', normalisedPath: null, reported: [] };
}

const QUESTION: Question = {
  method: 'CONNECT',
  scheme: 'tunnel',
  host: 'ads.example',
  port: 443,
  pathAndQuery: null,
  fields: NO_FIELDS,
  contentLength: 0,
  upgrade: null,
  clientAddress: '192.0.2.1',
  listener: 'test',
  identity: 'nobody',
  address: null,
  hello: null,
  response: null,
  nowMs: 0,
};
