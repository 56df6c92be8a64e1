// Owns shortages: a disk that is full, and descriptors that are used up. Both end, and what could not be done meanwhile has to be done again then.
import { execFileSync } from 'node:child_process';
import { closeSync, openSync, rmSync, statSync, writeSync } from 'node:fs';
import path from 'node:path';
import { askOnce, Crowd, HeldTunnel } from './crowd.ts';
import { sizeOf } from './proxy.ts';
import type { Row, Scene } from './scene.ts';
import { until } from './until.ts';

interface Amount {
  readonly rounds: number;
  readonly seconds: number;
}

/** A file system of its own, in memory. */
export class SmallDisk {
  readonly folder: string;
  readonly #unmount = (): void => void execFileSync('umount', ['--lazy', this.folder]);

  /** @returns `null` where this user may not */
  static mount(folder: string): SmallDisk | null {
    try {
      execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${DISK_SIZE},mode=0700`, 'tmpfs', folder], { stdio: 'ignore' });
      return new SmallDisk(folder);
    } catch {
      return null;
    }
  }

  private constructor(folder: string) {
    this.folder = folder;
    // Where the chaos is interrupted.
    process.prependOnceListener('exit', this.#unmount);
  }

  /** Takes all room that there is. */
  fill(): void {
    const descriptor = openSync(this.#filler, 'a');
    try {
      for (const octets of [Buffer.alloc(1_048_576), Buffer.alloc(4_096), Buffer.alloc(1)]) writeAll(descriptor, octets);
    } finally {
      closeSync(descriptor);
    }
  }

  empty(): void {
    rmSync(this.#filler);
  }

  unmount(): void {
    process.off('exit', this.#unmount);
    this.#unmount();
  }

  get #filler(): string {
    return path.join(this.folder, 'filler');
  }
}

/** What is evicted meanwhile is room again, so it is taken over and over. A reload and a kill have to be survived like this, too. */
export function fillDisk(scene: Scene, { seconds }: Amount, disk: SmallDisk): Promise<Row> {
  const { proxy } = scene;
  return scene.step('disk', 1, { permitted: [], isLogged: false }, async (notes) => {
    const endMs = performance.now() + seconds * 1_000;
    disk.fill();
    const from = proxy.saidSoFar;
    proxy.signal('SIGHUP');
    await proxy.says(/: reloaded on SIGHUP/, from);
    while (performance.now() < endMs) {
      disk.fill();
      await scene.goesOn(SOME_EXCHANGES);
    }
    const full = sizes();
    disk.empty();
    for (const name of Object.keys(full) as (keyof typeof full)[]) await until(`${name} grows again`, () => sizes()[name] > full[name]);
    const again = proxy.saidSoFar;
    proxy.signal('SIGHUP');
    await proxy.says(/: reloaded on SIGHUP/, again);
    await scene.goesOn(SOME_EXCHANGES);
    notes.push('log, cache and recording went on when there was room');
  });

  function sizes() {
    return { log: statSync(proxy.logFile).size, cache: sizeOf(proxy.cacheFolder), recording: sizeOf(proxy.sessionsFolder) };
  }
}

/**
 * Idle connections and tunnels, more than there are descriptors for. What is idle is closed then, and a request that meets that on its way has no answer
 * (RFC 9112 section 9.5); whoever comes anew waits, and is served or told.
 */
export function exhaustDescriptors(scene: Scene, { seconds }: Amount): Promise<Row> {
  const { proxy, origins } = scene;
  return scene.step('descriptors', 1, { permitted: ['error', 'broken'], isLogged: false }, async (notes) => {
    const tunnels: HeldTunnel[] = [];
    const idle = new Crowd(proxy.port, IDLE_CLIENTS, () => {});
    let refused = 0;
    let most = 0;
    const anew = { right: 0, error: 0, broken: 0, left: 0, wrong: 0 };
    try {
      const endMs = performance.now() + seconds * 1_000;
      do {
        const some = await Promise.allSettled(Array.from({ length: TUNNELS_AT_ONCE }, () => HeldTunnel.open(proxy.port, origins.echo)));
        for (const each of some) {
          if (each.status === 'fulfilled') tunnels.push(each.value);
          else refused += 1;
        }
        for (let probe = 0; probe < PROBES; probe += 1) anew[(await askOnce(proxy.port, origins.good, probe)).outcome] += 1;
        most = Math.max(most, proxy.holdings.descriptors);
        await scene.goesOn(SOME_EXCHANGES / 4);
      } while (performance.now() < endMs || refused === 0);
      notes.push(`who came anew: ${anew.right} served, ${anew.error} told, ${anew.broken} left without an answer`);
      notes.push(
        `${tunnels.length} tunnels opened and ${refused} refused, ${idle.returns} idle connections came again, ${most} descriptors at most`,
      );
      // Whom there is no descriptor for waits (listeners/pausable-server.ts). Only who is idle as its request comes may be closed without a word.
      if (anew.wrong > 0 || anew.broken * 20 > anew.right + anew.error)
        throw new Error('some of those who came anew were neither served nor told');
    } finally {
      idle.leave();
      for (const tunnel of tunnels) tunnel.close();
    }
    await until('everybody is served again', async () => {
      const tunnel = await HeldTunnel.open(proxy.port, origins.echo).catch(() => null);
      const isServed = (await tunnel?.isAlive('again')) ?? false;
      tunnel?.close();
      return isServed;
    });
  });
}

function writeAll(descriptor: number, octets: Buffer): void {
  try {
    while (writeSync(descriptor, octets) > 0);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error;
  }
}

const DISK_SIZE = '96m';
const SOME_EXCHANGES = 100;
const IDLE_CLIENTS = 300;
const TUNNELS_AT_ONCE = 40;
const PROBES = 20;
