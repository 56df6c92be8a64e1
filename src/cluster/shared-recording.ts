// Owns the way of recorded exchanges from workers to the one store, which the keeper has. A worker's batches go over the link as they are, and are
// acknowledged when the store has written them: until then they count as pending, which bounds them (flows/recorder.ts). While there is no keeper they are
// dropped and counted; so are those that were on their way when it went.
import { FRAME_KINDS } from '../flows/frame-batch.ts';
import type { FlowStore } from '../flows/store/flow-store.ts';
import type { AnswerTo, Push, Question } from '../flows/store/protocol.ts';
import type { KeeperEnd, WorkerEnd } from './link-messages.ts';
import { Unfinished } from './unfinished.ts';

/** The store as a worker has it. Nobody asks it: the inspector is the keeper's. */
export class LinkedStore implements FlowStore {
  /** Ids are the session's already. */
  readonly base = 0;
  onFreed: (buffer: ArrayBuffer) => void = ignore;
  onPush: (push: Push) => void = ignore;
  readonly #link: () => WorkerEnd | null;
  readonly #usedId: () => number;
  /** In the order in which they were sent. */
  #unfreed: { readonly bytes: ArrayBuffer; readonly used: number }[] = [];
  #pendingBytes = 0;
  #lost = 0;
  #emptied: (() => void) | null = null;

  /** @param link `null` while there is none */
  constructor(link: () => WorkerEnd | null, usedId: () => number) {
    this.#link = link;
    this.#usedId = usedId;
  }

  get pendingBytes(): number {
    return this.#pendingBytes;
  }

  /** Exchanges that were encoded, and are not kept. */
  get lost(): number {
    return this.#lost;
  }

  send(bytes: ArrayBuffer, used: number): void {
    const link = this.#link();
    if (link === null) {
      this.#lost += finishedIn(bytes, used);
      this.onFreed(bytes);
      return;
    }
    this.#unfreed.push({ bytes, used });
    this.#pendingBytes += used;
    link.say({ kind: 'batch', usedId: this.#usedId() }, new Uint8Array(bytes, 0, used));
  }

  ask<Q extends Question>(_: Q): Promise<AnswerTo<Q>> {
    return Promise.reject(new Error('A worker is not asked for what was recorded; the keeper is.'));
  }

  /** The keeper says so of the oldest. */
  freed(): void {
    const first = this.#unfreed.shift();
    if (first === undefined) return;
    this.#pendingBytes -= first.used;
    this.onFreed(first.bytes);
    if (this.#unfreed.length === 0) this.#emptied?.();
  }

  /** The link is gone, and with it whoever would acknowledge. */
  brokenOff(): void {
    for (const { bytes, used } of this.#unfreed) this.#lost += finishedIn(bytes, used);
    this.#unfreed = [];
    this.#pendingBytes = 0;
    this.#emptied?.();
  }

  /** As a store, but for a keeper that takes nothing: nobody's stop waits for that. */
  close(): Promise<void> {
    if (this.#unfreed.length === 0) return Promise.resolve();
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, CLOSE_PATIENCE_MS);
      this.#emptied = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }
}

/** The store as the keeper has it: its own batches and those of workers go to one thread, and each is acknowledged to whoever sent it. */
export class SharedStore implements FlowStore {
  readonly base = 0;
  onFreed: (buffer: ArrayBuffer) => void = ignore;
  readonly #store: FlowStore;
  /** Whose batches are on their way, in order; `null` for the keeper's own. */
  #owners: { readonly worker: KeeperEnd | null; readonly used: number }[] = [];
  #owedBytes = 0;
  readonly #unfinished = new Map<KeeperEnd, Unfinished>();

  constructor(store: FlowStore) {
    this.#store = store;
    store.onFreed = (buffer) => this.#freed(buffer);
  }

  get pendingBytes(): number {
    return this.#store.pendingBytes;
  }

  get onPush(): (push: Push) => void {
    return this.#store.onPush;
  }

  set onPush(onPush: (push: Push) => void) {
    this.#store.onPush = onPush;
  }

  send(bytes: ArrayBuffer, used: number): void {
    this.#send(bytes, used, null);
  }

  /** @param octets frames of a worker, to be handed on */
  take(octets: ArrayBuffer, worker: KeeperEnd): void {
    let unfinished = this.#unfinished.get(worker);
    if (unfinished === undefined) this.#unfinished.set(worker, (unfinished = new Unfinished()));
    unfinished.note(octets);
    this.#send(octets, octets.byteLength, worker);
  }

  /** A worker is gone. Should it come back, what it tells then holds. */
  gone(worker: KeeperEnd): void {
    const ends = this.#unfinished.get(worker)?.end() ?? null;
    this.#unfinished.delete(worker);
    if (ends !== null) this.#send(ends, ends.byteLength, null);
  }

  ask<Q extends Question>(question: Q): Promise<AnswerTo<Q>> {
    return this.#store.ask(question);
  }

  close(): Promise<void> {
    return this.#store.close();
  }

  /** What was on its way when the store's thread broke off is never acknowledged by it: whoever waits for that is told here. */
  settleBrokenOff(): void {
    if (this.#store.pendingBytes === this.#owedBytes) return;
    const owners = this.#owners;
    this.#owners = [];
    this.#owedBytes = 0;
    for (const { worker } of owners) worker?.say({ kind: 'freed' });
  }

  #send(bytes: ArrayBuffer, used: number, worker: KeeperEnd | null): void {
    this.settleBrokenOff();
    this.#owners.push({ worker, used });
    this.#owedBytes += used;
    this.#store.send(bytes, used);
  }

  #freed(buffer: ArrayBuffer): void {
    const owner = this.#owners.shift();
    if (owner === undefined) return;
    this.#owedBytes -= owner.used;
    if (owner.worker === null) this.onFreed(buffer);
    else owner.worker.say({ kind: 'freed' });
  }
}

/** Exchanges that a batch ends: what is counted where it is dropped. */
function finishedIn(bytes: ArrayBuffer, used: number): number {
  const view = new DataView(bytes);
  let finished = 0;
  for (let at = 0; at + LENGTH_OCTETS < used; at += LENGTH_OCTETS + view.getUint32(at, true)) {
    if (view.getUint8(at + LENGTH_OCTETS) === FRAME_KINDS.finished) finished += 1;
  }
  return finished;
}

function ignore(): void {}

const CLOSE_PATIENCE_MS = 5_000;
/** Of a frame, which its kind follows (flows/frame-batch.ts). */
const LENGTH_OCTETS = 4;
