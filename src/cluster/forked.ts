// Owns a forked process's side of the primary's orders: start, reload, drain, end. What it runs is passed in: a worker, or the keeper.
// Signals are the primary's to judge: a Ctrl-C in a terminal and a service manager's stop reach every process, and one of them decides what is meant.
// Without its primary it ends as on SIGTERM: its sockets are free at once, and what is under way may finish.
import { StartError } from '../errors/start-error.ts';
import { describeDefect, surviveDefects } from '../proxy/defects.ts';
import type { RunningProxy } from '../proxy.ts';
import { type ChildFacts, type FromChild, ORDER_VERSION, type Refusal, type StartOrder, type ToChild } from './messages.ts';

/** What a process that starts may say. */
export interface Says {
  /** A line for the operator. */
  report(line: string): void;
  /** The keeper of the moment does not take this worker. */
  unjoined(): void;
}

type Start = (order: StartOrder, says: Says) => Promise<RunningProxy>;

/** Obeys from now on, until the process ends. */
export function obey(start: Start): void {
  const obedience = new Obedience(start);
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGUSR2'] as const) process.on(signal, ignore);
  process.on('message', (message) => obedience.take(message as ToChild));
  process.on('disconnect', () => obedience.abandoned());
  surviveDefects(SAYS.report, () => process.exit(EXIT_INTERNAL));
}

class Obedience {
  readonly #start: Start;
  #running: RunningProxy | null = null;
  #drainTimeoutMs = 0;
  #isEnding = false;
  /** Orders are carried out one after another, but for those to end: whoever leaves is still told what holds. */
  #carriedOut: Promise<void> = Promise.resolve();

  constructor(start: Start) {
    this.#start = start;
  }

  take(message: ToChild): void {
    if (message.kind === 'stop') void this.#end();
    else if (message.kind === 'are-you-there') tell({ kind: 'here' });
    else this.#carriedOut = this.#carriedOut.then(() => this.#carryOut(message));
  }

  abandoned(): void {
    if (this.#isEnding) return;
    this.take({ kind: 'drain', deadlineMs: this.#drainTimeoutMs, patienceMs: 0 });
  }

  async #carryOut(message: Exclude<ToChild, { kind: 'stop' | 'are-you-there' }>): Promise<void> {
    switch (message.kind) {
      case 'start':
        await this.#answer(async () => {
          if (message.version !== ORDER_VERSION) throw new StartError('unavailable', [OTHER_ORDERS]);
          this.#running = await this.#start(message, SAYS);
          this.#drainTimeoutMs = message.config.drainTimeoutMs;
        });
        // The primary says why, and ends as a proxy of one process would.
        if (this.#running === null) process.disconnect?.();
        return;
      case 'reload':
        await this.#answer(async () => {
          await this.#running?.reload(message.config);
          this.#drainTimeoutMs = message.config.drainTimeoutMs;
        });
        return;
      case 'reopen-logs':
        this.#running?.reopenLogs();
        return;
      case 'new-link':
        tell({ kind: 'link', url: this.#running?.newInspectorLink() ?? null });
        return;
      case 'drain':
        void this.#drain(message.deadlineMs, message.patienceMs);
        return;
      default:
        message satisfies never;
    }
  }

  async #answer(work: () => Promise<void>): Promise<void> {
    let why: Refusal | null = null;
    try {
      await work();
    } catch (error) {
      why = refusalOf(error);
    }
    // Whoever has ended meanwhile has no facts any more.
    if (this.#isEnding) return;
    const facts = this.#running === null ? null : factsOf(this.#running);
    if (why !== null) tell({ kind: 'refused', why, facts });
    else if (facts !== null) tell({ kind: 'done', facts });
  }

  async #drain(deadlineMs: number, patienceMs: number): Promise<void> {
    const cutOff = (await this.#running?.drain(deadlineMs, patienceMs)) ?? 0;
    tell({ kind: 'drained', cutOff });
    await this.#end();
  }

  async #end(): Promise<void> {
    if (this.#isEnding) return;
    this.#isEnding = true;
    try {
      await this.#running?.close();
    } finally {
      // A handle that was forgotten must not keep the process alive; what it said last has to arrive.
      if (process.connected) process.disconnect?.();
      setTimeout(() => process.exit(), FORGOTTEN_HANDLE_MS).unref();
    }
  }
}

/** Whoever is not there any more needs no answer. */
function tell(message: FromChild): void {
  if (process.connected) process.send?.(message, undefined, undefined, ignore);
}

function factsOf({ listening, policySummary, policyFiles, cacheFacts, asksForCredentials, adminSocket }: RunningProxy): ChildFacts {
  return { listening, policySummary, policyFiles, cacheFacts, asksForCredentials, adminSocket };
}

function refusalOf(error: unknown): Refusal {
  if (error instanceof StartError) return { errorKind: error.kind, problems: error.problems };
  return { errorKind: null, problems: [describeDefect(error)] };
}

function ignore(): void {}

const OTHER_ORDERS = `the program that is installed now cannot be led by process ${process.ppid}, which began with another. Stop that one, and start again.`;
const SAYS: Says = { report: (line) => tell({ kind: 'report', line }), unjoined: () => tell({ kind: 'unjoined' }) };
/** As of a proxy of one process (cli/exit-codes.ts). */
const EXIT_INTERNAL = 70;
const FORGOTTEN_HANDLE_MS = 1_000;
