// The way to origins without a proxy around it: requests as the stage `forward` makes them, towards origins of this machine.
import { ProxyError } from '../../src/errors/proxy-error.ts';
import { type Body, type Fields, NO_FIELDS, type ResponseHead } from '../../src/http/message.ts';
import { Cancellation } from '../../src/net/cancellation.ts';
import { Deadlines } from '../../src/net/deadlines.ts';
import type { UpstreamFacts } from '../../src/upstream/facts.ts';
import { createUpstream, type ForwardRequest, type UpstreamParts } from '../../src/upstream/forward.ts';
import type { ClientResponse } from '../../src/upstream/http1-client.ts';
import { RESOLVER_DEFAULTS, UPSTREAM_DEFAULTS, type UpstreamOptions } from '../../src/upstream/options.ts';
import { ConnectionPool } from '../../src/upstream/pool.ts';
import { ReadBuffers } from '../../src/upstream/read-buffers.ts';
import { Resolver } from '../../src/upstream/resolve.ts';
import { OriginTls } from '../../src/upstream/tls-options.ts';
import type { TemporaryCa } from './temp-ca.ts';

export interface Asked {
  readonly method?: string;
  readonly path?: string;
  readonly fields?: Fields;
  readonly body?: Body | null;
  /** What the client's connection speaks: `h2` unless a test says otherwise. */
  readonly alpn?: 'h2' | 'http/1.1';
  readonly wantsTrailers?: boolean;
  readonly cancellation?: Cancellation;
  readonly onInterim?: (head: ResponseHead) => void;
  /** The one address that the guard lets pass; every one otherwise. */
  readonly onlyAddress?: string;
}

export interface Whole {
  readonly head: ResponseHead;
  readonly content: Buffer;
  readonly trailers: Fields;
  readonly facts: UpstreamFacts;
}

export interface AskingUpstream {
  readonly pool: ConnectionPool;
  /** @throws ProxyError */
  forward(port: number, asked?: Asked): Promise<{ readonly response: ClientResponse; readonly facts: UpstreamFacts }>;
  /** The same with the content read to its end. @throws ProxyError */
  ask(port: number, asked?: Asked): Promise<Whole>;
  close(): void;
}

export function createAskingUpstream(ca: TemporaryCa, options: Partial<UpstreamOptions> = {}): AskingUpstream {
  const all = { ...UPSTREAM_DEFAULTS, ...options };
  const deadlines = new Deadlines();
  const pool = new ConnectionPool(all);
  const parts: UpstreamParts = {
    options: all,
    deadlines,
    pool,
    buffers: new ReadBuffers('lossy'),
    tunnelBuffers: new ReadBuffers('lossless'),
    tls: new OriginTls(() => [ca.cert], [], null),
    resolver: new Resolver(RESOLVER_DEFAULTS),
    route: () => ({ kind: 'direct' }),
    isAddressAllowed: (address, _port, { addresses }) => ({
      allowed: addresses === null || addresses.includes(address),
      reason: 'not this one',
    }),
  };
  const upstream = createUpstream(parts);
  const forward: AskingUpstream['forward'] = async (port, asked = {}) => {
    const facts = noFacts();
    const response = await upstream.forward(requestTo(port, asked, facts));
    return { response, facts };
  };
  return {
    pool,
    forward,
    async ask(port, asked) {
      const { response, facts } = await forward(port, asked);
      const { content, trailers } = await readWhole(response.body);
      return { head: response.head, content, trailers, facts };
    },
    close() {
      pool.close();
      deadlines.close();
    },
  };
}

/** @throws what the body fails with */
export function readWhole(body: Body | null): Promise<{ content: Buffer; trailers: Fields }> {
  if (body === null) return Promise.resolve({ content: Buffer.alloc(0), trailers: NO_FIELDS });
  return new Promise((resolve, reject) => {
    const parts: Buffer[] = [];
    body.start({
      write: (bytes) => {
        parts.push(Buffer.from(bytes));
        return 0;
      },
      end: (trailers) => resolve({ content: Buffer.concat(parts), trailers }),
      fail: reject,
    });
  });
}

/** Error code of what a promise rejects with. */
export async function failureOf(asked: Promise<unknown>): Promise<string> {
  try {
    await asked;
  } catch (error) {
    return error instanceof ProxyError ? error.code : String(error);
  }
  return 'none';
}

function requestTo(port: number, asked: Asked, facts: UpstreamFacts): ForwardRequest {
  const { method = 'GET', path = '/', fields = NO_FIELDS, body = null, alpn = 'h2', wantsTrailers = false } = asked;
  return {
    method,
    scheme: 'https',
    authority: { kind: 'name', host: 'localhost', port },
    pathAndQuery: path,
    outgoingFields: () => fields,
    body,
    onInterim: asked.onInterim ?? (() => {}),
    guard: { isLocalClient: true, allowPrivate: 'private', addresses: asked.onlyAddress === undefined ? null : [asked.onlyAddress] },
    facts,
    cancellation: asked.cancellation ?? new Cancellation(),
    tls: { alpn, accept: null },
    wantsTrailers,
  };
}

function noFacts(): UpstreamFacts {
  return {
    route: null,
    judged: [],
    resolvedFrom: null,
    upstreamAddress: null,
    upstreamPort: 0,
    reusedConnection: false,
    originTls: null,
    upstreamProtocol: null,
    resolveMs: null,
    connectMs: null,
    tlsMs: null,
  };
}
