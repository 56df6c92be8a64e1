// Which worker fetches a key: who is alone goes on without a word, and the keeper decides between those who meet. Both ends as they are, over real sockets
// and a real table.
import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import path from 'node:path';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import type { Granted } from '../../src/cache/neighbours.ts';
import { createCacheContext, openStore } from '../../src/cache/open-cache.ts';
import { CACHE_DEFAULTS, MEMORY_STORE_DEFAULTS } from '../../src/cache/options.ts';
import { type ClaimColumn, ClaimColumns, rowOf } from '../../src/cluster/claim-table.ts';
import { Link } from '../../src/cluster/link.ts';
import type { FromKeeper, FromWorker, KeeperEnd, WorkerEnd } from '../../src/cluster/link-messages.ts';
import { LinkedNeighbours, SharedCache } from '../../src/cluster/shared-cache.ts';
import { temporaryFolder } from '../support/temp-files.ts';

const KEY = 'http://example.com/';
/** In the same row of the table as that. */
const [BESIDE, BESIDE_TOO] = keysBesideThat();

/** It ends what a claim has begun. */
type LetGo = () => void;

interface Worker {
  /** `null`: another worker fetched it, and has let go. */
  claim(key?: string): Promise<LetGo | null>;
  /** The same, where nobody has to be asked. */
  claimAlone(key?: string): LetGo;
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
  };
  onTestFinished(kill);
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

async function startWorker(socket: Socket, column: ClaimColumn | null): Promise<Pick<Worker, 'claim' | 'claimAlone'>> {
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
    return () => claim.release();
  };
  return {
    claim: async (key = KEY) => hold(key, await neighbours.claim(key)),
    claimAlone(key = KEY) {
      const granted = neighbours.claim(key);
      if (granted instanceof Promise) throw new Error('it asked');
      return hold(key, granted)!;
    },
  };
}

async function startWorkers(count: number, columns = count): Promise<Keeper & { readonly workers: readonly Worker[] }> {
  const keeper = await startKeeper(columns);
  const workers: Worker[] = [];
  while (workers.length < count) workers.push(await keeper.join());
  return { ...keeper, workers };
}

function keysBesideThat(): readonly [string, string] {
  const found: string[] = [];
  for (let i = 0; found.length < 2; i += 1) if (rowOf(`${KEY}${i}`) === rowOf(KEY)) found.push(`${KEY}${i}`);
  return [found[0]!, found[1]!];
}

/** What one asked before this is answered, unless it has to wait. */
async function askBehind(worker: Worker): Promise<void> {
  const letGo = await worker.claim(BESIDE);
  letGo!();
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
    for (const worker of workers.slice(1)) await askBehind(worker);
    expect(answers).toBe(0);
    letGo();
    expect(await Promise.all(waiting)).toEqual([null, null]);
    workers[2]!.claimAlone();
  });

  test('fetches it although another key is in the same row, or two', async () => {
    const { workers } = await startWorkers(3);
    workers[0]!.claimAlone(BESIDE);
    expect(await workers[1]!.claim(BESIDE_TOO)).not.toBeNull();
    expect(await workers[2]!.claim()).not.toBeNull();
  });

  test.each([
    ['who see each other', 3],
    ['of whom one has no column', 2],
    ['without a table', 0],
  ])('is one of those who claim it at once: workers %s', async (_, columns) => {
    const { workers } = await startWorkers(3, columns);
    // Nobody is alone.
    await Promise.all([workers[0]!.claim(BESIDE), workers[1]!.claim(BESIDE_TOO)]);
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
    await askBehind(workers[1]!);
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
  await askBehind(workers[1]!);
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
  await askBehind(workers[1]!);
  vi.advanceTimersByTime(5_000);
  expect(await waiting).toBeNull();
  await workers[0]!.kill();
  await askBehind(workers[1]!);
  expect(await workers[2]!.claim()).not.toBeNull();
});
