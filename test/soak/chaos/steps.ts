// Owns what is done to a proxy under load, and what has to be true of it meanwhile and afterwards. Each throws what is not.
import { kill } from 'node:process';
import { askOnce, Crowd, HeldTunnel } from './crowd.ts';
import { ownersOf } from './linux.ts';
import type { Row, Scene } from './scene.ts';
import { until } from './until.ts';

interface Amount {
  readonly rounds: number;
  readonly seconds: number;
}

/** Tunnels are held in both workers: after a kill those of the other still say what they are told, and no others do. */
export function killWorkers(scene: Scene, { rounds }: Amount): Promise<Row> {
  const { proxy, origins } = scene;
  return scene.step('workers', rounds, { permitted: ['broken'], isLogged: false }, async (notes) => {
    let cut = 0;
    for (let round = 0; round < rounds; round += 1) {
      const held = await Promise.all(Array.from({ length: HELD_TUNNELS }, () => HeldTunnel.open(proxy.port, origins.echo)));
      const { workers } = proxy;
      const victim = workers[round % workers.length]!;
      const owners = ownersOf(workers, proxy.port);
      if (held.some(({ clientPort }) => !owners.has(clientPort))) throw new Error('a tunnel is open, and no worker has it');
      const from = proxy.saidSoFar;
      kill(victim, 'SIGKILL');
      const [its, others] = split(held, ({ clientPort }) => owners.get(clientPort) === victim);
      await Promise.all(its.map(({ closed }) => closed));
      const dead = (await Promise.all(others.map((tunnel, index) => tunnel.isAlive(`kill ${round} ${index}`)))).filter(
        (isAlive) => !isAlive,
      );
      if (dead.length > 0) throw new Error(`${dead.length} tunnels of the other worker broke in round ${round + 1}`);
      cut += its.length;
      await proxy.says(/worker \d ended \(SIGKILL\)/, from);
      await until('the worker is back', () => proxy.workers.length === workers.length);
      await serves(scene, proxy.workers.find((worker) => !workers.includes(worker))!);
      for (const tunnel of held) tunnel.close();
    }
    notes.push(`${cut} of ${rounds * HELD_TUNNELS} held tunnels were of the killed worker, and no others broke`);
  });
}

export function killKeeper(scene: Scene, { rounds }: Amount): Promise<Row> {
  const { proxy, origins } = scene;
  return scene.step('keeper', rounds, { permitted: [], isLogged: true }, async () => {
    const held = await Promise.all(Array.from({ length: HELD_TUNNELS }, () => HeldTunnel.open(proxy.port, origins.echo)));
    for (let round = 0; round < rounds; round += 1) {
      const { keeper, workers } = proxy;
      kill(keeper!, 'SIGKILL');
      await scene.goesOn(SOME_EXCHANGES);
      await until('the keeper is back', () => proxy.keeper !== undefined && proxy.keeper !== keeper);
      await scene.goesOn(SOME_EXCHANGES);
      if (String(proxy.workers) !== String(workers)) throw new Error('a worker went with the keeper');
    }
    const alive = await Promise.all(held.map((tunnel, index) => tunnel.isAlive(`keeper ${index}`)));
    for (const tunnel of held) tunnel.close();
    if (alive.includes(false)) throw new Error('a tunnel broke with the keeper');
  });
}

/** In every tenth there is a mistake, and every tenth is asked for by the command. */
export function reload(scene: Scene, { rounds }: Amount): Promise<Row> {
  const { proxy } = scene;
  return scene.step('reload', rounds, { permitted: [], isLogged: true }, async (notes) => {
    for (let round = 0; round < rounds; round += 1) {
      const isBroken = round % 10 === 5;
      proxy.writePolicy(isBroken ? 'broken' : round % 2 === 0 ? 'B' : 'A');
      const from = proxy.saidSoFar;
      if (round % 10 >= 8) {
        const code = await proxy.askToReload();
        if (code !== 0) throw new Error(`sallyport reload ended with ${code}`);
      } else proxy.signal('SIGHUP');
      await proxy.says(isBroken ? /not reloaded on SIGHUP/ : /: reloaded on SIGHUP/, from);
    }
    proxy.writePolicy('broken');
    const code = await proxy.askToReload();
    if (code !== 65) throw new Error(`sallyport reload of a broken policy ended with ${code}`);
    await scene.goesOn(SOME_EXCHANGES);
    proxy.writePolicy('A');
    const last = await proxy.askToReload();
    if (last !== 0) throw new Error(`sallyport reload of the mended policy ended with ${last}`);
    notes.push(`${Math.floor((rounds + 4) / 10) + 1} of them with a policy that was refused`);
  });
}

export function restart(scene: Scene, { rounds }: Amount): Promise<Row> {
  const { proxy } = scene;
  return scene.step('restart', rounds, { permitted: [], isLogged: true }, async () => {
    const before = new Set(proxy.workers);
    for (let round = 0; round < rounds; round += 1) {
      const from = proxy.saidSoFar;
      if (round === 0) {
        const code = await proxy.askToReload('--restart');
        if (code !== 0) throw new Error(`sallyport reload --restart ended with ${code}`);
      } else proxy.signal('SIGUSR2');
      await proxy.says(/started anew on SIGUSR2/, from);
      await scene.goesOn(SOME_EXCHANGES);
    }
    // Those that leave may take what their last exchanges take.
    await until(
      'the old workers have left',
      () => proxy.workers.length === before.size && !proxy.workers.some((worker) => before.has(worker)),
    );
  });
}

export function rotate(scene: Scene, { rounds }: Amount): Promise<Row> {
  return scene.step('rotate', rounds, { permitted: [], isLogged: true }, async () => {
    for (let round = 0; round < rounds; round += 1) {
      await scene.proxy.rotateLog();
      await scene.goesOn(SOME_EXCHANGES / 4);
    }
  });
}

/** Sockets that send an octet of their head every second, and come again when they are told to leave. */
export function slowloris(scene: Scene, { seconds }: Amount, sockets: number): Promise<Row> {
  const { proxy, origins } = scene;
  return scene.step('slowloris', 1, { permitted: [], isLogged: true }, async (notes) => {
    const before = proxy.holdings;
    let asked = 0;
    const timesOf = async (endMs: number): Promise<readonly number[]> => {
      const times: number[] = [];
      while (times.length < LEAST_ASKED || performance.now() < endMs) {
        const { outcome, words, ms } = await askOnce(proxy.port, origins.good, asked);
        if (outcome !== 'right') throw new Error(`an honest client among slow ones: ${outcome}, ${words}`);
        times.push(ms);
        asked += 1;
      }
      return times.sort((a, b) => a - b);
    };
    const usual = await timesOf(0);
    const head = `GET http://127.0.0.1:${origins.good}/length/1/0 HTTP/1.1\r\nHost: 127.0.0.1:${origins.good}\r\nSlowly: `;
    const crowd = new Crowd(proxy.port, sockets, (connection) => connection.send(head));
    try {
      crowd.repeat('x', OCTET_EVERY_MS);
      await until('the crowd is there', () => crowd.size === sockets && ownersOf(proxy.workers, proxy.port).size >= sockets);
      const full = proxy.holdings;
      const times = await timesOf(performance.now() + seconds * 1_000);
      const eachKiB = (full.pssKiB - before.pssKiB) / sockets;
      const figures = (all: readonly number[]): string => `${at(all, 0.5)} ms (median), ${at(all, 0.9)} ms (90 %), ${at(all, 1)} ms (most)`;
      notes.push(`client ${sockets + 1} is served in ${figures(times)}; without them in ${figures(usual)}`);
      notes.push(`${eachKiB.toFixed(1)} KiB a slow socket; ${crowd.returns} came again`);
      // Where others use the machine, all is slow, without them too.
      if (at(times, 0.9) > Math.max(MOST_WAIT_MS, MOST_SLOWER * at(usual, 0.9)))
        throw new Error('one honest client in ten waited for too long');
      if (full.pssKiB - before.pssKiB > MOST_SLOW_KIB * sockets + SPARE_KIB)
        throw new Error(`each slow socket takes ${eachKiB.toFixed(1)} KiB`);
    } finally {
      crowd.leave();
    }
    await until('the crowd has left', () => ownersOf(proxy.workers, proxy.port).size < sockets / 2);
  });
}

function split<T>(all: readonly T[], isFirst: (each: T) => boolean): [T[], T[]] {
  return [all.filter(isFirst), all.filter((each) => !isFirst(each))];
}

/** @param times in order @returns that which this share of them does not exceed */
function at(times: readonly number[], share: number): number {
  return Math.round(times[Math.ceil(times.length * share) - 1]!);
}

/** Once a connection is this process's. */
async function serves({ proxy, origins }: Scene, worker: number): Promise<void> {
  await until('the new worker serves', async () => {
    const tunnel = await HeldTunnel.open(proxy.port, origins.echo);
    const isIts = ownersOf([worker], proxy.port).has(tunnel.clientPort);
    tunnel.close();
    return isIts;
  });
}

const HELD_TUNNELS = 16;
const SOME_EXCHANGES = 100;
const OCTET_EVERY_MS = 1_000;
const LEAST_ASKED = 20;
const MOST_WAIT_MS = 1_000;
const MOST_SLOWER = 3;
const MOST_SLOW_KIB = 32;
const SPARE_KIB = 64 * 1_024;
