// The pool sees of a client only whether it is idle and since when; so that is all a client is here.
import { beforeEach, expect, test } from 'vitest';
import type { Http1Client } from '../../../src/upstream/http1-client.ts';
import { UPSTREAM_DEFAULTS } from '../../../src/upstream/options.ts';
import { ConnectionPool } from '../../../src/upstream/pool.ts';

interface IdleClient {
  isIdle: boolean;
  freeSinceMs: number;
  isAborted: boolean;
  keptForMs: number;
}

let pool: ConnectionPool;

beforeEach(() => {
  pool = poolOf({});
});

test('the connection used last is taken first, and only once', () => {
  const clients = [given('a'), given('a'), given('a')];
  expect([take('a'), take('a'), take('a'), take('a')]).toEqual([clients[2], clients[1], clients[0], null]);
});

test('a destination gets its own connections alone', () => {
  const client = given('a');
  expect(take('b')).toBeNull();
  expect(take('a')).toBe(client);
});

test('each is kept for the configured time', () => {
  pool = poolOf({ idleTimeoutMs: 1_234 });
  expect(given('a').keptForMs).toBe(1_234);
});

test('what is no longer open, or may not be used by this request, is passed over and stays', () => {
  const closed = given('a');
  const forbidden = given('a');
  closed.isIdle = false;
  expect(take('a', (client) => client !== forbidden)).toBeNull();
  expect(take('a')).toBe(forbidden);
});

test('a request that cannot be repeated takes no connection that has been idle for long', () => {
  const old = given('a');
  old.freeSinceMs = performance.now() - 5_000;
  expect(take('a', () => true, 1_000)).toBeNull();
  expect(take('a')).toBe(old);
});

test('over the limit of a destination the oldest goes, over the limit of all the newest', () => {
  pool = poolOf({ idlePerDestination: 2, idleTotal: 3 });
  const [first, second, third] = [given('a'), given('a'), given('a')];
  expect([first, second, third].map(({ isAborted }) => isAborted)).toEqual([true, false, false]);
  const elsewhere = [given('b'), given('c')];
  expect(elsewhere.map(({ isAborted }) => isAborted)).toEqual([false, true]);
  expect([take('a'), take('a'), take('b'), take('c')]).toEqual([third, second, elsewhere[0], null]);
});

test.for([{ idlePerDestination: 1 }, { idlePerDestination: 0 }, { idleTotal: 0 }])('with %j no more than that is kept', (options) => {
  pool = poolOf(options);
  const clients = [given('a'), given('a')];
  const most = 'idleTotal' in options ? 0 : options.idlePerDestination;
  expect(clients.filter(({ isAborted }) => !isAborted)).toHaveLength(most);
  expect(take('a')).toBe(most === 1 ? clients[1] : null);
  expect(take('a')).toBeNull();
});

test('one that is gone is forgotten, and makes room', () => {
  pool = poolOf({ idleTotal: 1 });
  const gone = given('a');
  pool.remove('a', asClient(gone));
  pool.remove('a', asClient(gone));
  expect(take('a')).toBeNull();
  expect(given('b').isAborted).toBe(false);
  expect(given('c').isAborted).toBe(true);
});

test('letting go closes what is idle and keeps what comes later', () => {
  const idle = [given('a'), given('b')];
  pool.letGo();
  expect(idle.every(({ isAborted }) => isAborted)).toBe(true);
  const later = given('a');
  expect(take('a')).toBe(later);
});

test('closed, it closes what is idle and whatever comes back', () => {
  const idle = given('a');
  pool.close();
  expect([idle.isAborted, given('a').isAborted, take('a')]).toEqual([true, true, null]);
});

function poolOf(options: Partial<typeof UPSTREAM_DEFAULTS>): ConnectionPool {
  return new ConnectionPool({ ...UPSTREAM_DEFAULTS, ...options });
}

/** A connection that has just become free. */
function given(key: string): IdleClient {
  const client = {
    isIdle: true,
    freeSinceMs: performance.now(),
    isAborted: false,
    keptForMs: 0,
    abort() {
      client.isAborted = true;
    },
    idleFor(milliseconds: number) {
      client.keptForMs = milliseconds;
    },
  };
  pool.give(key, asClient(client));
  return client;
}

function take(key: string, mayUse: (client: unknown) => boolean = () => true, maxIdleMs = Number.POSITIVE_INFINITY): unknown {
  return pool.take(key, mayUse, maxIdleMs);
}

function asClient(client: IdleClient): Http1Client {
  return client as unknown as Http1Client;
}
