// Limits of rules where several workers let requests in: the keeper counts for all, and nobody is let in uncounted. Workers and keeper as they are, over real
// sockets; and once as processes, of which the keeper is killed.
import { once } from 'node:events';
import { createServer } from 'node:net';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { KeptForWorkers } from '../../src/cluster/kept-for-workers.ts';
import { joinKeeper } from '../../src/cluster/worker-link.ts';
import { ByteRate } from '../../src/net/byte-rate.ts';
import { Deadlines } from '../../src/net/deadlines.ts';
import { DailyBytes } from '../../src/policy/limits/daily-bytes.ts';
import { type Admit, type Lease, Limits } from '../../src/policy/limits/limits.ts';
import type { Rule, RuleLimits } from '../../src/policy/policy.ts';
import type { WorkerParts } from '../../src/proxy/shared-parts.ts';
import { fetchVia } from '../support/cached.ts';
import { type KeptProxy, startKeptProxy } from '../support/kept-proxy.ts';
import { connectRaw } from '../support/raw-client.ts';
import { temporaryFile, temporaryFolder } from '../support/temp-files.ts';
import { startWebOrigin, type WebOrigin } from '../support/web-origin.ts';

const ADA = { user: 'ada', clientAddress: '10.0.0.1' };
const BOB = { user: 'bob', clientAddress: '10.0.0.1' };

interface Counting {
  readonly limits: Limits;
  readonly dailyBytes: DailyBytes;
  readonly workers: readonly { readonly parts: WorkerParts; readonly admit: Admit }[];
  /** In place of the keeper, as if that had been killed. */
  anotherKeeper(): Promise<void>;
  stop(): Promise<void>;
}

/** As workers and keeper have them. */
async function counting(workers = 2): Promise<Counting> {
  const socketPath = path.join(temporaryFolder(onTestFinished), 'keeper.sock');
  const deadlines = new Deadlines();
  onTestFinished(() => deadlines.close());
  const createRate = (bytesPerSecond: number): ByteRate => new ByteRate(bytesPerSecond, deadlines);
  const open = async () => {
    const dailyBytes = new DailyBytes(Date.now);
    const limits = new Limits(createRate, dailyBytes);
    const server = createServer();
    const keeper = new KeptForWorkers(() => new Promise((resolve) => server.close(() => resolve())));
    keeper.shareLimits(limits, dailyBytes);
    server.on('connection', (socket) => keeper.welcome(socket)).listen(socketPath);
    await once(server, 'listening');
    return { keeper, limits, dailyBytes };
  };
  let kept = await open();
  const joined = await Promise.all(
    Array.from({ length: workers }, async (_, i) => {
      const parts = await joinKeeper(socketPath, i + 1, () => {});
      return { parts, admit: parts.openLimits(createRate) };
    }),
  );
  onTestFinished(async () => {
    await Promise.all(joined.map(({ parts }) => parts.close()));
    await kept.keeper.close();
  });
  return {
    get limits() {
      return kept.limits;
    },
    get dailyBytes() {
      return kept.dailyBytes;
    },
    workers: joined,
    stop: () => kept.keeper.close(),
    async anotherKeeper() {
      kept = await open();
    },
  };
}

function rule(limits: Partial<RuleLimits>, name = 'Artifacts'): Rule {
  const unlimited = {
    requestsPerSecond: null,
    concurrent: null,
    downloadBytesPerSecond: null,
    uploadBytesPerSecond: null,
    bytesPerDay: null,
  };
  return { name, position: { file: 'a.yaml', line: 3, column: 1 }, limits: { per: 'user', ...unlimited, ...limits } } as Rule;
}

async function admitted(admit: Admit, limited: Rule, asker = ADA): Promise<Lease> {
  const admission = await admit(limited, asker, performance.now());
  if (admission.kind !== 'admitted') throw new Error(admission.reason);
  return admission.lease;
}

async function refusal(admit: Admit, limited: Rule, asker = ADA): Promise<string> {
  const admission = await admit(limited, asker, performance.now());
  return admission.kind === 'admitted' ? 'admitted' : `${admission.kind}: ${admission.reason}`;
}

/** As `refusal`, of one that is over at once: asked again and again, it would take the place of those whom the keeper is still to hear of. */
async function passing(admit: Admit, limited: Rule): Promise<string> {
  const admission = await admit(limited, ADA, performance.now());
  if (admission.kind === 'admitted') admission.lease.release();
  return admission.kind === 'admitted' ? 'admitted' : admission.kind;
}

/** Asks until it is so: what one end says is heard by the other a little later. */
async function until(isSo: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await isSo())) await new Promise((resolve) => setImmediate(resolve));
}

describe('the limits of a rule, over workers', () => {
  it('let in as many at once as one process would', async () => {
    const { workers } = await counting();
    const [one, other] = [workers[0]!.admit, workers[1]!.admit];
    const limited = rule({ concurrent: 3 });
    const leases = await Promise.all([admitted(one, limited), admitted(other, limited), admitted(one, limited)]);
    expect(await refusal(one, limited)).toBe("refused: rule 'Artifacts' (a.yaml:3) allows 3 requests or tunnels at once for one user");
    expect(await refusal(other, limited)).toContain('refused');
    expect(await refusal(other, limited, BOB)).toBe('admitted');
    leases[0]!.release();
    leases[0]!.release();
    await until(async () => (await refusal(other, limited)) === 'admitted');
    expect(await refusal(one, limited)).toContain('refused');
  });

  it('let in exactly as many of very many that come at once', async () => {
    const { workers } = await counting();
    const limited = rule({ concurrent: 25 });
    const all = await Promise.all(Array.from({ length: 200 }, (_, i) => refusal(workers[i % 2]!.admit, limited)));
    expect(all.filter((each) => each === 'admitted')).toHaveLength(25);
  });

  it('take requests a second from one bucket', async () => {
    const { workers } = await counting();
    const limited = rule({ requestsPerSecond: 10 });
    const sinceMs = performance.now();
    const all = await Promise.all(Array.from({ length: 60 }, (_, i) => refusal(workers[i % 2]!.admit, limited)));
    const gained = Math.ceil(((performance.now() - sinceMs) / 1_000) * 10);
    const passed = all.filter((each) => each === 'admitted').length;
    expect(passed).toBeGreaterThanOrEqual(10);
    expect(passed).toBeLessThanOrEqual(10 + gained);
  });

  it("count the day's octets together, and break off what goes beyond them", async () => {
    const { workers, dailyBytes } = await counting();
    const limited = rule({ bytesPerDay: 1_000_000 });
    const [one, other] = await Promise.all([admitted(workers[0]!.admit, limited), admitted(workers[1]!.admit, limited)]);
    expect(one.isCounted).toBe(true);
    expect(one.spend(400_000)).toBe(true);
    expect(other.spend(500_000)).toBe(true);
    await until(() => dailyBytes.used('Artifacts', 'user ada') === 900_000);
    // By now both have heard of each other, once they were answered.
    await Promise.all(workers.map(({ admit }) => admitted(admit, limited)));
    expect(other.spend(100_000)).toBe(true);
    expect(other.spend(1)).toBe(false);
    expect(other.exhaustion).toContain('1 MB a day for one user');
    await until(() => dailyBytes.used('Artifacts', 'user ada') === 1_000_001);
    expect(await refusal(workers[0]!.admit, limited)).toContain('used up until midnight UTC');
    expect(one.spend(1)).toBe(false);
  });

  it('count every octet of what was over before it was told of', async () => {
    const { workers, dailyBytes } = await counting(1);
    const lease = await admitted(workers[0]!.admit, rule({ bytesPerDay: 2 ** 30 }));
    for (let i = 0; i < 10; i += 1) lease.spend(7);
    lease.release();
    lease.spend(1_000);
    await until(() => dailyBytes.used('Artifacts', 'user ada') === 70);
  });

  it('share a rate out among the workers that carry something under it', async () => {
    const { workers } = await counting();
    const limited = rule({ downloadBytesPerSecond: 1_000_000 });
    const one = await admitted(workers[0]!.admit, limited);
    // Full at first, of what one second brings.
    expect(one.download!.take(2_000_000)).toBe(1_000_000);
    const other = await admitted(workers[1]!.admit, limited);
    expect(other.download!.take(2_000_000)).toBe(500_000);
    const again = await admitted(workers[0]!.admit, limited);
    expect(again.download).toBe(one.download);
    other.release();
    const third = await admitted(workers[1]!.admit, limited, BOB);
    expect(third.download!.take(2_000_000)).toBe(1_000_000);
  });

  it('get back what a worker held that is gone', async () => {
    const { workers } = await counting();
    const limited = rule({ concurrent: 2 });
    await admitted(workers[0]!.admit, limited);
    await admitted(workers[0]!.admit, limited);
    expect(await refusal(workers[1]!.admit, limited)).toContain('refused');
    await workers[0]!.parts.close();
    await until(async () => (await refusal(workers[1]!.admit, limited)) === 'admitted');
  });

  it('let nobody in while nobody counts, and go on with what is under way when somebody does again', async () => {
    const kept = await counting();
    const [one, other] = [kept.workers[0]!.admit, kept.workers[1]!.admit];
    const limited = rule({ concurrent: 2, bytesPerDay: 1_000_000 });
    const first = await admitted(one, limited);
    await admitted(other, limited);
    await kept.stop();
    await until(async () => (await refusal(one, limited)).startsWith('uncounted'));
    expect(await refusal(one, limited)).toBe(
      "uncounted: rule 'Artifacts' (a.yaml:3) has limits, and the process that counts for all workers does not answer",
    );
    expect(await refusal(one, { ...limited, limits: null })).toBe('admitted');
    expect(first.spend(10_000)).toBe(true);
    await kept.anotherKeeper();
    await until(async () => (await passing(one, limited)).startsWith('refused'));
    await until(async () => (await passing(other, limited)).startsWith('refused'));
    first.release();
    await until(() => kept.dailyBytes.used('Artifacts', 'user ada') === 10_000);
    await until(async () => (await passing(other, limited)) === 'admitted');
  });
});

describe('a proxy of several processes', () => {
  const folder = temporaryFolder(afterAll);
  let origin: WebOrigin;
  let proxy: KeptProxy;
  let letGo: (() => void) | null = null;

  beforeAll(async () => {
    origin = await startWebOrigin((request, response) => {
      if (request.url === '/limited/slow') letGo = () => response.end('at last');
      else response.end('at once');
    });
    const policyFile = temporaryFile(
      afterAll,
      'policy.yaml',
      'version: 1\ndefault: allow\nrules:\n  - { name: One, allow: { path: /limited/* }, limits: { concurrent: 1, per: all } }\n' +
        '  - { name: Rest, allow: { host: 127.0.0.1 } }\n',
    );
    proxy = await startKeptProxy(folder, { policyFile });
  }, 180_000);
  afterAll(async () => {
    await proxy?.close();
    await origin.close();
  });

  it('refuses with 503 and the reason what it cannot count, and serves everything else', async () => {
    const [one, other] = [proxy.workers[0]!, proxy.workers[1]!];
    using slow = await connectRaw(one);
    await slow.send(`GET ${origin.url}/limited/slow HTTP/1.1\r\nHost: x\r\n\r\n`);
    // It is the one that has been let in.
    await until(() => letGo !== null);
    await until(async () => (await fetchVia(other, `${origin.url}/limited/a`)).status === 429);
    await proxy.keeper.kill();
    await until(async () => (await fetchVia(other, `${origin.url}/limited/a`)).status === 503);
    const refused = await fetchVia(one, `${origin.url}/limited/a`);
    expect(refused.head).toContain('Retry-After: 1');
    expect(refused.head).toContain('the process that counts for all workers does not answer');
    expect((await fetchVia(one, `${origin.url}/free`)).status).toBe(200);
    await proxy.startKeeper();
    await until(async () => (await fetchVia(other, `${origin.url}/limited/a`)).status === 429);
    letGo!();
    expect((await slow.readResponse()).body.toString()).toBe('at last');
    await until(async () => (await fetchVia(other, `${origin.url}/limited/a`)).status === 200);
  }, 180_000);
});
