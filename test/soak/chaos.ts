// The chaos: the proxy with two workers under honest load, while what it runs on is taken away. `--help` says what is done, and what is judged.
import { mkdirSync, mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createTemporaryCa } from '../support/temp-ca.ts';
import { type ChaosOptions, HELP, parseOptions, STEPS, type Step } from './chaos/options.ts';
import { removeFolder } from './chaos/proxy.ts';
import { ChaosReport } from './chaos/report.ts';
import { type Row, Scene } from './chaos/scene.ts';
import { exhaustDescriptors, fillDisk, SmallDisk } from './chaos/shortage.ts';
import { killKeeper, killWorkers, reload, restart, rotate, slowloris } from './chaos/steps.ts';
import { optionsOf } from './command-line.ts';
import { OPENED_HOST } from './opened-tunnel.ts';
import type { OriginHandlers, OriginPorts } from './origin-worker.ts';
import { startWorker } from './workers.ts';

class Chaos {
  readonly #options: ChaosOptions;
  readonly #report: ChaosReport;
  readonly #folder: string;
  readonly #origins: OriginPorts;
  #scenes = 0;

  constructor(options: ChaosOptions, report: ChaosReport, folder: string, origins: OriginPorts) {
    this.#options = options;
    this.#report = report;
    this.#folder = folder;
    this.#origins = origins;
  }

  async run(): Promise<void> {
    const { steps } = this.#options;
    const alone = new Set<Step>(['disk', 'descriptors']);
    const together = steps.filter((step) => !alone.has(step));
    if (together.length > 0) await this.#scene('two workers', this.#newFolder(), null, together);
    if (steps.includes('disk')) await this.#onSmallDisk();
    if (steps.includes('descriptors')) await this.#scene('256 descriptors', this.#newFolder(), MOST_DESCRIPTORS, ['descriptors']);
  }

  async #onSmallDisk(): Promise<void> {
    const disk = SmallDisk.mount(this.#newFolder());
    if (disk === null) return this.#report.say('disk: left out, since only root may mount a small one');
    try {
      await this.#scene('a small disk', disk.folder, null, ['disk'], disk);
    } finally {
      disk.unmount();
    }
  }

  async #scene(
    name: string,
    folder: string,
    mostDescriptors: number | null,
    steps: readonly Step[],
    disk: SmallDisk | null = null,
  ): Promise<void> {
    const { clients, seed } = this.#options;
    const surroundings = { folder, ports: Object.values(this.#origins), mostDescriptors };
    const scene = await Scene.open(surroundings, { origins: this.#origins, clients, seed: seed + this.#scenes });
    const failuresBefore = this.#report.failures;
    try {
      for (const step of steps) {
        this.#report.say(`${step} ...`);
        this.#report.row(await this.#step(scene, step, disk));
      }
    } finally {
      this.#report.scene(name, await scene.end(disk === null ? 0 : MOST_TORN));
      if (this.#report.failures > failuresBefore) this.#report.say(`what the proxy said last:\n${scene.proxy.lastWords}`);
    }
  }

  #step(scene: Scene, step: Step, disk: SmallDisk | null): Promise<Row> {
    const { isQuick, seconds } = this.#options;
    const amount = { rounds: isQuick ? STEPS[step].quick : STEPS[step].rounds, seconds };
    switch (step) {
      case 'workers':
        return killWorkers(scene, amount);
      case 'keeper':
        return killKeeper(scene, amount);
      case 'reload':
        return reload(scene, amount);
      case 'restart':
        return restart(scene, amount);
      case 'rotate':
        return rotate(scene, amount);
      case 'slowloris':
        return slowloris(scene, amount, isQuick ? FEW_SLOW : MANY_SLOW);
      case 'disk':
        return fillDisk(scene, amount, disk!);
      case 'descriptors':
        return exhaustDescriptors(scene, amount);
      default:
        return step satisfies never;
    }
  }

  #newFolder(): string {
    this.#scenes += 1;
    const folder = path.join(this.#folder, String(this.#scenes));
    mkdirSync(folder, { mode: 0o700 });
    return folder;
  }
}

async function main(options: ChaosOptions): Promise<number> {
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(EXIT_INTERRUPTED));
  const report = new ChaosReport((line) => process.stdout.write(`${line}\n`));
  const folder = mkdtempSync(path.join(tmpdir(), 'sallyport-chaos-'));
  process.once('exit', () => removeFolder(folder));
  const origin = startWorker<OriginHandlers>('origin-worker.ts', (words) => report.fail(words));
  try {
    const { key, cert } = createTemporaryCa(folder).issue(OPENED_HOST);
    await new Chaos(options, report, folder, await origin.call('start', { key, cert })).run();
    for (const words of (await origin.call('report', null)).failures) report.fail(words);
  } finally {
    origin.stop();
  }
  return report.end() ? 0 : 1;
}

const EXIT_INTERRUPTED = 130;
const MOST_DESCRIPTORS = 256;
const MOST_TORN = 4;
const MANY_SLOW = 2_000;
const FEW_SLOW = 500;

const options = optionsOf(parseOptions, HELP);
if (options !== null) process.exitCode = await main(options);
