// Which worker fetches a key: who is alone goes on without a word, and the keeper decides between those who meet. Both ends as they are, over real sockets
// and a real table.
import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import path from 'node:path';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import type { Granted } from '../../src/cache/neighbours.ts';
import { createCacheContext, openStore } from '../../src/cache/open-cache.ts';
import { CACHE_DEFAULTS, MEMORY_STORE_DEFAULTS } from '../../src/cache/options.ts';
import { hashOfKey } from '../../src/cache/stores/stored-record.ts';
import { type ClaimColumn, ClaimColumns, ClaimTable, ROWS } from '../../src/cluster/claim-table.ts';
import { Link } from '../../src/cluster/link.ts';
import type { FromKeeper, FromWorker, KeeperEnd, WorkerEnd } from '../../src/cluster/link-messages.ts';
import { LinkedNeighbours, SharedCache } from '../../src/cluster/shared-cache.ts';
import { temporaryFolder } from '../support/temp-files.ts';

const KEY = 'http://example.com/';
/** In the same row of the table as that. */
const BESIDE = keysBesideThat(4);

/** It ends what a claim has begun: nothing is stored, it takes long, or it is stored in memory alone. */
type LetGo = (why?: 'late' | 'stored') => void;

interface Worker {
  /** `null`: another worker fetched it, and has let go. */
  claim(key?: string): Promise<LetGo | null>;
  /** The same, where nobody has to be asked. */
  claimAlone(key?: string): LetGo;
  /** What it has asked is answered, unless it has to wait. */
  isAnswered(): Promise<unknown>;
  /** Its process ends, and the keeper notices. */
  kill(): Promise<void>;
}

interface Keeper {
  join(): Promise<Worker>;
  kill(): void;
}

/** @param columns how many workers can see each other; 0: there is no table */
async function startKeeper(columns: number): Promise<Keeper> {
  const folder = temporaryFolder(onTestFinished);
  const members = new Set<KeeperEnd>();
  const cache = new SharedCache(columns === 0 ? null : new ClaimColumns(folder, columns), () => members);
  const server = createServer((socket) => {
    const link: KeeperEnd = new Link<FromKeeper, FromWorker>(socket, {
      heard: (said) => said.kind === 'release' && cache.heard(said, link),
      answer: (asked) => (asked.kind === 'claim' ? cache.claim(asked.key, link) : {}),
      closed() {
        members.delete(link);
        cache.left(link);
        server.emit('left');
      },
    });
    members.add(link);
    server.emit('joined', cache.joined(link));
  });
  const socketPath = path.join(folder, 'keeper.sock');
  server.listen(socketPath);
  await once(server, 'listening');
  const kill = (): void => {
    server.close();
    for (const link of members) link.destroy();
    cache.close();
  };
  onTestFinished(() => void (server.listening && kill()));
  return {
    async join() {
      const joined = once(server, 'joined');
      const socket = connect(socketPath);
      const [column] = (await joined) as [ClaimColumn | null];
      const claiming = await startWorker(socket, column);
      return {
        ...claiming,
        async kill() {
          const left = once(server, 'left');
          socket.destroy();
          await left;
        },
      };
    },
    kill,
  };
}

async function startWorker(socket: Socket, column: ClaimColumn | null): Promise<Omit<Worker, 'kill'>> {
  let link: WorkerEnd | null = null;
  const neighbours = new LinkedNeighbours(() => link);
  const config = { ...CACHE_DEFAULTS, memory: MEMORY_STORE_DEFAULTS, disk: null, isDiskRequired: false };
  const { store } = await openStore(config, () => {});
  const context = createCacheContext(config, store, neighbours);
  link = new Link<FromWorker, FromKeeper>(socket, {
    heard: (said) => said.kind === 'wanted' && neighbours.heard(said, context),
    answer: (asked) => (asked.kind === 'fetched' ? neighbours.fetched(asked.key, context) : {}),
    closed() {
      link = null;
      neighbours.brokenOff();
    },
  });
  await neighbours.joined(column);
  const hold = (key: string, granted: Granted | null): LetGo | null => {
    if (granted === null) return null;
    const claim = context.hold(key, granted);
    return (why) => {
      if (why === 'late') claim.releaseIn(0);
      else if (why === 'stored') claim.stored();
      else claim.release();
    };
  };
  return {
    claim: async (key = KEY) => hold(key, await neighbours.claim(key)),
    claimAlone(key = KEY) {
      const granted = neighbours.claim(key);
      if (granted instanceof Promise) throw new Error('it asked');
      return hold(key, granted)!;
    },
    isAnswered: async () => link?.ask({ kind: 'outdate', keys: [] }),
  };
}

async function startWorkers(count: number, columns = count): Promise<Keeper & { readonly workers: readonly Worker[] }> {
  const keeper = await startKeeper(columns);
  const workers: Worker[] = [];
  while (workers.length < count) workers.push(await keeper.join());
  return { ...keeper, workers };
}

function keysBesideThat(count: number): readonly string[] {
  const rowOf = (key: string): number => hashOfKey(key, 0) % ROWS;
  const found: string[] = [];
  for (let i = 0; found.length < count; i += 1) if (rowOf(`${KEY}${i}`) === rowOf(KEY)) found.push(`${KEY}${i}`);
  return found;
}

describe('who fetches a key', () => {
  test('without a word: whoever is alone, again and again', async () => {
    const { workers } = await startWorkers(2);
    for (const worker of [...workers, ...workers]) worker.claimAlone()();
    workers[0]!.claimAlone();
    workers[1]!.claimAlone('http://example.com/other');
  });

  test('is waited for by all others, who then find what it has stored', async () => {
    const { workers } = await startWorkers(3);
    const letGo = workers[0]!.claimAlone();
    let answers = 0;
    const waiting = workers.slice(1).map((worker) => worker.claim().finally(() => (answers += 1)));
    for (const worker of workers.slice(1)) await worker.isAnswered();
    expect(answers).toBe(0);
    letGo();
    expect(await Promise.all(waiting)).toEqual([null, null]);
    workers[2]!.claimAlone();
  });

  test.each([
    ['takes long about it', 'late'],
    ['has stored it where no other finds it', 'stored'],
  ] as const)('and %s lets one of each other worker fetch it as well', async (_, why) => {
    const { workers } = await startWorkers(3);
    const letGo = workers[0]!.claimAlone();
    const waiting = workers.slice(1).map((worker) => worker.claim());
    for (const worker of workers.slice(1)) await worker.isAnswered();
    letGo(why);
    expect(await Promise.all(waiting)).not.toContain(null);
    workers[0]!.claimAlone();
  });

  test('fetches it whatever else is in the same row, after a question where that is more than one key', async () => {
    const { workers } = await startWorkers(3);
    workers[0]!.claimAlone(BESIDE[0]);
    workers[1]!.claimAlone();
    workers[0]!.claimAlone(BESIDE[1]);
    expect(await workers[2]!.claim(BESIDE[2])).not.toBeNull();
  });

  test.each([
    ['who see each other', 3],
    ['of whom one has no column', 2],
    ['without a table', 0],
  ])('is one of those who claim it at once: workers %s', async (_, columns) => {
    const { workers } = await startWorkers(3, columns);
    // Nobody is alone.
    await Promise.all(BESIDE.map((key, i) => workers[i % 2]!.claim(key)));
    const claims = workers.map((worker) => worker.claim());
    const letGo = await Promise.race(claims);
    letGo!();
    expect((await Promise.all(claims)).filter((each) => each !== null)).toEqual([letGo]);
  });
});

describe('a worker that ends', () => {
  test('leaves what it fetched to who waits for it', async () => {
    const { workers } = await startWorkers(2);
    workers[0]!.claimAlone();
    const waiting = workers[1]!.claim();
    await workers[1]!.isAnswered();
    await workers[0]!.kill();
    expect(await waiting).not.toBeNull();
  });

  test('leaves nothing in the table once another one has its column', async () => {
    const { workers, join } = await startWorkers(2);
    workers[0]!.claimAlone();
    await workers[0]!.kill();
    await join();
    workers[1]!.claimAlone();
  });
});

test('a keeper that ends keeps nobody waiting, and while there is none each fetches', async () => {
  const { workers, kill } = await startWorkers(2);
  workers[0]!.claimAlone();
  const waiting = workers[1]!.claim();
  await workers[1]!.isAnswered();
  kill();
  expect(await waiting).not.toBeNull();
  workers[1]!.claimAlone();
});

test('who has waited for five seconds goes on, and what it is granted later it gives back', async () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  onTestFinished(() => void vi.useRealTimers());
  const { workers } = await startWorkers(3);
  workers[0]!.claimAlone();
  const waiting = workers[1]!.claim();
  await workers[1]!.isAnswered();
  vi.advanceTimersByTime(5_000);
  expect(await waiting).toBeNull();
  await workers[0]!.kill();
  await workers[1]!.isAnswered();
  expect(await workers[2]!.claim()).not.toBeNull();
});

test('who claims what another one has let go of is told to look, and nobody else is', async () => {
  vi.useFakeTimers({ toFake: ['hrtime'] });
  onTestFinished(() => void vi.useRealTimers());
  const columns = new ClaimColumns(temporaryFolder(onTestFinished), 2);
  const [one, other] = ['one', 'other'].map((name) => new ClaimTable(columns.take(name)!));
  // It has not looked yet.
  expect(other!.claim(1)).toBe('behind');
  vi.advanceTimersByTime(10);
  expect([one!.claim(2), other!.claim(2 + ROWS)]).toEqual(['behind', 'behind']);
  one!.release(2);
  vi.advanceTimersByTime(10);
  expect([other!.claim(3), other!.claim(2), other!.claim(2)]).toEqual(['alone', 'behind', 'alone']);
  for (const each of [one!, other!, columns]) each.close();
});
