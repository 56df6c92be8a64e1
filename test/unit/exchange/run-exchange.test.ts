import { describe, expect, it } from 'vitest';
import { ProxyError } from '../../../src/errors/proxy-error.ts';
import { answerAsLast } from '../../../src/exchange/answer-as-last.ts';
import type { Incoming, Responder } from '../../../src/exchange/exchange.ts';
import { OpenTunnels } from '../../../src/exchange/open-tunnels.ts';
import { type ExchangeContext, runExchange, type Stages } from '../../../src/exchange/run-exchange.ts';
import { TrustingClients } from '../../../src/exchange/trusting-clients.ts';
import { createFlow } from '../../../src/flows/flow.ts';
import { type Body, type BodySink, type Fields, NO_FIELDS } from '../../../src/http/message.ts';
import { Cancellation } from '../../../src/net/cancellation.ts';
import { Deadlines } from '../../../src/net/deadlines.ts';
import type { Decision } from '../../../src/policy/policy.ts';
import type { ClientResponse } from '../../../src/upstream/http1-client.ts';
import { questionFor } from '../../support/questions.ts';

describe('the line', () => {
  it('goes through its stages in order, and answers once', async () => {
    const line = new Line();
    await line.run('GET', 'http://example.com/a?b');
    expect(line.visited).toEqual([
      ...[
        'authenticate',
        'authorize',
        'rewriteRequest',
        'answerAsLast',
        'reuseStored',
        'forward',
        'storeResponse',
        'authorizeResponse',
        'rewriteResponse',
      ],
      'respond 200',
    ]);
  });

  it('skips ahead with 403 when policy denies; nothing is forwarded', async () => {
    const line = new Line({ decision: decision('deny') });
    await line.run('GET', 'http://example.com/');
    expect(line.visited).toEqual(['authenticate', 'authorize', 'respond 403']);
    expect(line.flow.outcome).toBe('denied');
    expect(line.field('Proxy-Status')).toMatch(/^test-proxy;error=http_request_denied;details="/);
  });

  it('skips ahead with a stored response, which policy judges as any other', async () => {
    const line = new Line({ isStored: true });
    await line.run('GET', 'http://example.com/');
    expect(line.visited).toEqual([
      'authenticate',
      'authorize',
      'rewriteRequest',
      'answerAsLast',
      'reuseStored',
      'authorizeResponse',
      'rewriteResponse',
      'respond 200',
    ]);
  });

  it('skips ahead with 407 when nobody has said who asks; policy is not asked', async () => {
    const line = new Line({ challenge: true });
    await line.run('GET', 'http://example.com/');
    expect(line.visited).toEqual(['authenticate', 'respond 407']);
    expect(line.field('Proxy-Authenticate')).toBe('Basic realm="test"');
  });

  it('answers 403 in place of a response that a rule denies', async () => {
    const line = new Line({ answerDecision: decision('deny') });
    await line.run('GET', 'http://example.com/');
    expect(line.visited.slice(-3)).toEqual(['authorizeResponse', 'rewriteResponse', 'respond 403']);
    expect(line.flow.outcome).toBe('denied');
  });

  it('answers a failure of a stage with the status of its code (RFC 9209 §2.3)', async () => {
    const line = new Line({
      forward: () => Promise.reject(new ProxyError('connection_timeout', 'example.com:80 did not accept a connection.')),
    });
    await line.run('GET', 'http://example.com/');
    expect(line.visited.at(-1)).toBe('respond 504');
    expect(line.flow).toMatchObject({ outcome: 'failed', error: { code: 'connection_timeout' } });
  });

  it('answers a defect of ours with 500, tells the operator, and tells the client nothing of it', async () => {
    const line = new Line({ forward: () => Promise.reject(new TypeError('secret detail')) });
    await line.run('GET', 'http://example.com/');
    expect(line.visited.at(-1)).toBe('respond 500');
    expect(line.defects).toEqual([expect.objectContaining({ message: 'secret detail' })]);
    expect(line.content.toString()).not.toContain('secret');
  });

  it('names the broken content of the client as the reason, not what it led to upstream', async () => {
    const failure = new ProxyError('http_request_error', 'A chunk does not begin with its size.');
    const line = new Line({ forward: () => Promise.reject(new ProxyError('connection_terminated', 'closed')), bodyFailure: failure });
    await line.run('POST', 'http://example.com/');
    expect(line.visited.at(-1)).toBe('respond 400');
  });

  it.each([
    ['GET', '/path', 400],
    ['OPTIONS', '*', 400],
    ['GET', 'ftp://example.com/', 400],
    ['GET', 'http://user:pass@example.com/', 400],
    ['CONNECT', 'example.com', 400],
  ])('refuses %s %s before policy is asked', async (method, target, status) => {
    const line = new Line();
    await line.run(method, target);
    expect(line.visited).toEqual([`respond ${status}`]);
    expect(line.flow.target).not.toContain('pass');
  });

  it('refuses a request that has been here before (RFC 9110 §7.6.3)', async () => {
    const line = new Line();
    await line.run('GET', 'http://example.com/', [{ name: 'Via', value: '1.1 other, 1.1 test-proxy' }]);
    expect(line.visited).toEqual(['respond 502']);
    expect(line.flow.error?.code).toBe('proxy_loop_detected');
  });

  it('refuses a second Host, and none at all in HTTP/1.1 (RFC 9112 §3.2)', async () => {
    const second = new Line();
    await second.run('GET', 'http://example.com/', [{ name: 'host', value: 'example.com' }]);
    expect(second.visited).toEqual(['respond 400']);
    const none = new Line({ hasHost: false });
    await none.run('GET', 'http://example.com/');
    expect(none.visited).toEqual(['respond 400']);
  });

  it('greets whoever opens its own address in a browser', async () => {
    const line = new Line();
    await line.run('GET', '/', [{ name: 'Accept', value: 'text/html' }]);
    expect(line.visited).toEqual(['respond 200']);
    expect(line.flow).toMatchObject({ outcome: 'answered', error: null });
  });

  it('ends TRACE at Max-Forwards 0, without credentials in what it shows (RFC 9110 §7.6.2, §9.3.8)', async () => {
    const line = new Line({ answersAsLast: true });
    await line.run('TRACE', 'http://example.com/', [
      { name: 'Max-Forwards', value: '0' },
      { name: 'Cookie', value: 'secret' },
      { name: 'X-Seen', value: 'yes' },
    ]);
    expect(line.visited).toEqual(['authenticate', 'authorize', 'rewriteRequest', 'respond 200']);
    expect(line.content.toString()).toBe(
      'TRACE http://example.com/ HTTP/1.1\r\nHost: example.com\r\nMax-Forwards: 0\r\nX-Seen: yes\r\n\r\n',
    );
  });
});

/** The line with small functions in place of its parts, and no socket. */
class Line {
  readonly visited: string[] = [];
  readonly defects: unknown[] = [];
  readonly flow = createFlow({ id: 1, listener: 'test', address: '192.0.2.1', port: 1, connectId: null });
  content = Buffer.alloc(0);
  #fields: Fields = NO_FIELDS;
  readonly #options: {
    decision?: Decision;
    challenge?: boolean;
    isStored?: boolean;
    answerDecision?: Decision;
    forward?: () => Promise<ClientResponse>;
    bodyFailure?: ProxyError;
    answersAsLast?: boolean;
    hasHost?: boolean;
  };

  constructor(
    options: {
      decision?: Decision;
      challenge?: boolean;
      isStored?: boolean;
      answerDecision?: Decision;
      forward?: () => Promise<ClientResponse>;
      bodyFailure?: ProxyError;
      answersAsLast?: boolean;
      hasHost?: boolean;
    } = {},
  ) {
    this.#options = options;
  }

  field(name: string): string | undefined {
    return this.#fields.find((field) => field.name === name)?.value;
  }

  async run(method: string, target: string, fields: Fields = NO_FIELDS): Promise<void> {
    const stages = this.#stages();
    const deadlines = new Deadlines();
    const context: ExchangeContext = {
      stages,
      via: 'test-proxy',
      date: () => 'Sun, 06 Nov 1994 08:49:37 GMT',
      deadlines,
      tunnelIdleTimeoutMs: 1_000,
      tunnels: new OpenTunnels(),
      interception: NOTHING_TO_OPEN,
      pac: null,
      onboarding: { certificate: null, trusting: new TrustingClients() },
      emit: () => {},
      reportDefect: (error) => this.defects.push(error),
    };
    const failure = this.#options.bodyFailure;
    const incoming: Incoming = {
      head: {
        method,
        target,
        version: '1.1',
        fields: this.#options.hasHost === false ? fields : [{ name: 'Host', value: 'example.com' }, ...fields],
      },
      body: failure === undefined ? null : { length: 1, failure, start: () => {}, resume: () => {}, cancel: () => {} },
      client: { address: '192.0.2.1', isLocal: false, authentication: null },
      flow: this.flow,
      cancellation: new Cancellation(),
      responder: this.#responder(),
      tunnel: null,
      isBackground: false,
    };
    await runExchange(incoming, context);
    deadlines.close();
  }

  #stages(): Stages {
    const judged = this.#options.decision ?? decision('allow');
    const ok: ClientResponse = { head: { status: 200, reason: 'OK', version: '1.1', fields: NO_FIELDS }, body: null, upgraded: null };
    return {
      authenticate: (received) => {
        this.visited.push('authenticate');
        if (this.#options.challenge) return { respond: { kind: 'challenge', challenges: ['Basic realm="test"'], reason: null } };
        return { next: { received, identity: 'nobody' } };
      },
      authorize: ({ received }) => {
        this.visited.push('authorize');
        if (judged.action === 'deny') return { respond: { kind: 'denial', decision: judged } };
        const { pathAndQuery } = received;
        return { next: { received, decision: judged, pathAndQuery, addresses: null, contentLimit: null, lease: null } };
      },
      rewriteRequest: (_, authorized) => {
        this.visited.push('rewriteRequest');
        return { next: authorized };
      },
      rewriteResponse: (_, answer) => {
        this.visited.push('rewriteResponse');
        return answer;
      },
      answerAsLast: (authorized) => {
        if (this.#options.answersAsLast) return answerAsLast(authorized);
        this.visited.push('answerAsLast');
        return { next: authorized };
      },
      reuseStored: (authorized) => {
        this.visited.push('reuseStored');
        if (this.#options.isStored) return { respond: { response: ok, storedFrom: null } };
        return { next: { ...authorized, fetch: null } };
      },
      forward: async () => {
        this.visited.push('forward');
        try {
          const response = (await this.#options.forward?.()) ?? ok;
          return { kind: 'response', response, requestTimeMs: 0, responseTimeMs: 0 };
        } catch (thrown) {
          return { kind: 'failure', thrown };
        }
      },
      storeResponse: (_, forwarded) => {
        this.visited.push('storeResponse');
        if (forwarded.kind === 'failure') throw forwarded.thrown;
        return { response: forwarded.response, storedFrom: null };
      },
      authorizeResponse: (_, { response }) => {
        this.visited.push('authorizeResponse');
        if (this.#options.answerDecision) return { kind: 'denial', decision: this.#options.answerDecision };
        return { kind: 'response', response, lease: null };
      },
      authenticateConnect: (received) => ({ next: { received, identity: 'nobody' } }),
      authorizeConnect: ({ received, identity }) => ({ next: { received, identity, decision: judged, addresses: null, lease: null } }),
      authorizeGreeting: (connect) => ({ next: connect }),
      wouldOpen: () => false,
      openTunnel: () => Promise.reject(new Error('no tunnel in this test')),
    };
  }

  #responder(): Responder {
    return {
      interim: () => {},
      abort: () => this.visited.push('abort'),
      takeOver: () => {
        throw new Error('no tunnel in this test');
      },
      respond: (status, _reason, fields, body) => {
        this.visited.push(`respond ${status}`);
        this.#fields = fields;
        if (body !== null) this.#collect(body);
      },
    };
  }

  #collect(body: Body): void {
    const sink: BodySink = {
      write: (bytes) => {
        this.content = Buffer.concat([this.content, bytes]);
        return 0;
      },
      end: () => {},
      fail: () => {},
    };
    body.start(sink);
  }
}

function decision(action: 'allow' | 'deny'): Decision {
  return {
    action,
    rule: null,
    decidedBy: 'default',
    position: { file: 'policy.yaml', line: 2, column: 1 },
    question: questionFor('GET http://example.com/', { clientAddress: '192.0.2.1' }),
    awaits: 'nothing',
    normalisedPath: null,
    reported: [],
  };
}

const NOTHING_TO_OPEN: ExchangeContext['interception'] = {
  readGreeting: () => Promise.reject(new Error('no tunnel in this test')),
  guardName: () => expect.unreachable('no tunnel in this test'),
  openTls: () => Promise.reject(new Error('no tunnel in this test')),
  whyPassthrough: () => null,
  noteRefusal: () => {},
  handOn: () => {},
  deniedAlert: Buffer.alloc(0),
};
