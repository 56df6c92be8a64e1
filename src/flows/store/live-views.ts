// Owns the views that are open, by the number that whoever asked for each gave it, and the exchanges that are watched.
import type { Change } from './batch-changes.ts';
import type { FlowSession, SessionListener } from './flow-session.ts';
import type { Push } from './protocol.ts';
import { View, type ViewParts } from './views.ts';

export class LiveViews implements SessionListener {
  readonly #push: (push: Push) => void;
  readonly #views = new Map<number, View>();
  /** How often each is watched, and what of it has changed since that was told. */
  readonly #watched = new Map<number, { count: number; hasChanged: boolean; hasMessages: boolean }>();
  #session: FlowSession;
  #timer: NodeJS.Timeout | null = null;

  /** @param session the one that is recorded into: exchanges of no other change */
  constructor(session: FlowSession, push: (push: Push) => void) {
    this.#session = session;
    this.#push = push;
  }

  get isFull(): boolean {
    return this.#views.size >= MOST_VIEWS;
  }

  has(number: number): boolean {
    return this.#views.has(number);
  }

  open(number: number, parts: ViewParts, window: { readonly offset: number; readonly limit: number }): void {
    this.close(number);
    const view = new View(parts, window, (rows, progress) => this.#push({ kind: 'window', view: number, progress, ...rows }));
    this.#views.set(number, view);
  }

  move(number: number, offset: number, limit: number): void {
    this.#views.get(number)?.move(offset, limit);
  }

  close(number: number): void {
    this.#views.get(number)?.close();
    this.#views.delete(number);
  }

  watch(id: number): void {
    const watched = this.#watched.get(id);
    this.#session.listeners.add(this);
    if (watched !== undefined) watched.count += 1;
    else if (this.#watched.size < MOST_WATCHED) this.#watched.set(id, { count: 1, hasChanged: false, hasMessages: false });
  }

  unwatch(id: number): void {
    const watched = this.#watched.get(id);
    if (watched === undefined) return;
    watched.count -= 1;
    if (watched.count === 0) this.#watched.delete(id);
    // While nothing is watched the session need not tell what changes.
    if (this.#watched.size === 0) this.#session.listeners.delete(this);
  }

  /** Another session is recorded into. */
  follow(session: FlowSession): void {
    this.#session.listeners.delete(this);
    this.#session = session;
    if (this.#watched.size > 0) session.listeners.add(this);
  }

  changed(changes: readonly Change[]): void {
    for (const { id } of changes) this.#mark(id, 'hasChanged');
  }

  messages(id: number): void {
    this.#mark(id, 'hasMessages');
  }

  removed(): void {}

  closeAll(): void {
    for (const number of [...this.#views.keys()]) this.close(number);
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#session.listeners.delete(this);
  }

  #mark(id: number, what: 'hasChanged' | 'hasMessages'): void {
    const watched = this.#watched.get(id);
    if (watched === undefined) return;
    watched[what] = true;
    this.#timer ??= setTimeout(() => this.#tell(), TELL_MS);
  }

  #tell(): void {
    this.#timer = null;
    for (const [id, watched] of this.#watched) {
      if (watched.hasChanged) this.#push({ kind: 'changed', id });
      if (watched.hasMessages) this.#push({ kind: 'messages', id, total: this.#session.countMessages(id) });
      watched.hasChanged = false;
      watched.hasMessages = false;
    }
  }
}

const MOST_VIEWS = 64;
const MOST_WATCHED = 256;
const TELL_MS = 100;
