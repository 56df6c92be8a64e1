import { afterEach, describe, expect, test, vi } from 'vitest';
import type { ArrivingResponse } from '../../../src/cache/arriving.ts';
import { type PendingFetch, PendingFetches, type Waiter } from '../../../src/cache/collapse.ts';
import { NO_OVERRIDES } from '../../../src/cache/rules/options.ts';
import { storedOf } from './rules/stored-of.ts';

const KEY = 'http://example.com/';
const STORED = storedOf('');
const ARRIVING = {} as ArrivingResponse;

/** One who waits, and what became of that. */
class Client implements Waiter {
  readonly heard: string[] = [];
  readonly #fits: boolean;
  constructor(fits = true) {
    this.#fits = fits;
  }
  joins(): boolean {
    this.heard.push('joins');
    return this.#fits;
  }
  confirmed(): boolean {
    this.heard.push('confirmed');
    return this.#fits;
  }
  released(): void {
    this.heard.push('released');
  }
}

function lead(): { readonly fetches: PendingFetches; readonly pending: PendingFetch } {
  const fetches = new PendingFetches();
  return { fetches, pending: fetches.lead(KEY, NO_OVERRIDES) };
}

function waiting(pending: PendingFetch, ...clients: Client[]): void {
  for (const client of clients) pending.wait(client);
}

describe('those who wait', () => {
  test('are let in once the head may be shared; whoever it does not fit goes its own way', () => {
    const { fetches, pending } = lead();
    const [one, other] = [new Client(), new Client(false)];
    waiting(pending, one, other);
    pending.share(ARRIVING);
    expect([one.heard, other.heard]).toEqual([['joins'], ['joins', 'released']]);
    expect(fetches.find(KEY)?.arriving).toBe(ARRIVING);
    pending.settle();
    expect([one.heard, other.heard, fetches.find(KEY)]).toEqual([['joins'], ['joins', 'released'], undefined]);
  });

  test('are answered with what the origin has confirmed; whoever it does not fit goes its own way', () => {
    const { fetches, pending } = lead();
    const [one, other] = [new Client(), new Client(false)];
    waiting(pending, one, other);
    pending.confirm(STORED);
    expect([one.heard, other.heard, fetches.find(KEY)]).toEqual([['confirmed'], ['confirmed', 'released'], undefined]);
  });

  test('are released, each once, when it is of no use to them', () => {
    const { fetches, pending } = lead();
    const clients = [new Client(), new Client()];
    waiting(pending, ...clients);
    pending.settle();
    pending.settle();
    expect([clients.map(({ heard }) => heard), fetches.find(KEY)]).toEqual([[['released'], ['released']], undefined]);
  });

  test('find nothing to wait for once they are released', () => {
    const { fetches, pending } = lead();
    let found: PendingFetch | undefined = pending;
    const client = new Client();
    client.released = () => {
      found = fetches.find(KEY);
    };
    pending.wait(client);
    pending.settle();
    expect(found).toBeUndefined();
  });

  test('and leave hear no more', () => {
    const { pending } = lead();
    const [one, other] = [new Client(), new Client()];
    waiting(pending, one, other);
    pending.leave(one);
    pending.leave(one);
    pending.settle();
    expect([one.heard, other.heard]).toEqual([[], ['released']]);
  });

  test('are not mixed up with those of another fetch', () => {
    const fetches = new PendingFetches();
    const [one, other] = [fetches.lead('a', NO_OVERRIDES), fetches.lead('b', NO_OVERRIDES)];
    const clients = [new Client(), new Client()];
    one.wait(clients[0]!);
    other.wait(clients[1]!);
    one.settle();
    expect(clients.map(({ heard }) => heard)).toEqual([['released'], []]);
  });
});

describe('for long', () => {
  afterEach(() => {
    vi.useRealTimers();
  });

  test('nobody waits: after five seconds all are released, and who comes then leads anew', () => {
    vi.useFakeTimers();
    const { fetches, pending } = lead();
    const clients = [new Client(), new Client()];
    pending.wait(clients[0]!);
    vi.advanceTimersByTime(4_000);
    pending.wait(clients[1]!);
    vi.advanceTimersByTime(999);
    expect(clients.map(({ heard }) => heard)).toEqual([[], []]);
    vi.advanceTimersByTime(1);
    expect([clients.map(({ heard }) => heard), fetches.find(KEY)]).toEqual([[['released'], ['released']], undefined]);
    const next = fetches.lead(KEY, NO_OVERRIDES);
    pending.share(ARRIVING);
    pending.settle();
    expect([fetches.find(KEY), next.arriving]).toEqual([next, null]);
  });

  test('a request whose client has left is not kept for those who have waited', () => {
    vi.useFakeTimers();
    const { pending } = lead();
    pending.wait(new Client());
    const cancel = vi.fn();
    pending.leaderLeft({ cancel });
    vi.advanceTimersByTime(5_000);
    expect(cancel).toHaveBeenCalledTimes(1);
  });

  test.each<[string, (pending: PendingFetch, client: Client) => void]>([
    ['are let in', (pending) => pending.share(ARRIVING)],
    ['are released', (pending) => pending.settle()],
    ['have left', (pending, client) => pending.leave(client)],
  ])('no timer is left once they %s', (_, happens) => {
    vi.useFakeTimers();
    const { fetches, pending } = lead();
    const client = new Client();
    pending.wait(client);
    happens(pending, client);
    expect(vi.getTimerCount()).toBe(0);
    if (fetches.find(KEY) !== pending || pending.arriving !== null) return;
    // Whoever comes next has as long to wait.
    pending.wait(client);
    vi.advanceTimersByTime(5_000);
    expect(client.heard).toEqual(['released']);
  });
});

describe('the request to the origin', () => {
  const request = (): { cancels: number; cancel(): void } => ({
    cancels: 0,
    cancel() {
      this.cancels += 1;
    },
  });

  test('ends with its client, when nobody else waits for it', () => {
    const { pending } = lead();
    const asked = request();
    pending.leaderLeft(asked);
    expect(asked.cancels).toBe(1);
  });

  test('goes on while somebody waits, and ends with the last of them', () => {
    const { pending } = lead();
    const clients = [new Client(), new Client()];
    waiting(pending, ...clients);
    const asked = request();
    pending.leaderLeft(asked);
    pending.leave(clients[0]!);
    expect(asked.cancels).toBe(0);
    pending.leave(clients[1]!);
    expect(asked.cancels).toBe(1);
  });

  test('goes on when those who wait leave, and its client has not', () => {
    const { pending } = lead();
    const client = new Client();
    pending.wait(client);
    pending.leave(client);
    pending.settle();
    expect(client.heard).toEqual([]);
  });
});

test('what is outdated is not found, and does not take away what has begun since', () => {
  const { fetches, pending } = lead();
  const client = new Client();
  pending.wait(client);
  fetches.outdate(KEY);
  expect(fetches.find(KEY)).toBeUndefined();
  const next = fetches.lead(KEY, NO_OVERRIDES);
  pending.share(ARRIVING);
  pending.settle();
  expect([client.heard, fetches.find(KEY)]).toEqual([['joins'], next]);
});

test('of many at once each is found by its key until it is over, and the latest of those that share one', () => {
  const fetches = new PendingFetches();
  const keys = Array.from({ length: 5000 }, (_, i) => `http://example.com/${i}`);
  const all = keys.map((key) => fetches.lead(key, NO_OVERRIDES));
  expect(keys.every((key, i) => fetches.find(key) === all[i])).toBe(true);
  for (let i = 0; i < keys.length; i += 2) all[i]!.settle();
  expect(keys.every((key, i) => fetches.find(key) === (i % 2 === 0 ? undefined : all[i]))).toBe(true);
  const later = fetches.lead(keys[1]!, NO_OVERRIDES);
  all[1]!.settle();
  expect(fetches.find(keys[1]!)).toBe(later);
  fetches.outdateAll();
  expect(keys.every((key) => fetches.find(key) === undefined)).toBe(true);
});
