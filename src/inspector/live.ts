// Owns what is pushed to pages: windows of their lists, changes of the exchange that is looked at, numbers once a second. A page that takes nothing gets the
// newest of each later, not everything: what is behind is dropped, so a slow page costs no memory.
// The store hears of an exchange when it is announced and when it has ended. Rows in between, as far as a page shows them, are asked for once a second of
// whoever has the exchange, so that a stream is seen to grow; where nobody looks, nobody is asked.
import type { WebSocket } from 'ws';
import * as z from 'zod';
import type { RecordedExchange, Summary } from '../flows/recorded.ts';
import type { FlowStore } from '../flows/store/flow-store.ts';
import type { Push } from '../flows/store/protocol.ts';

/** What a page may say. */
const SAID = z.discriminatedUnion('type', [
  z.strictObject({
    type: z.literal('view'),
    view: z.int().min(0).max(7),
    filter: z.string().max(16_384).default(''),
    order: z.string().max(64).default('id'),
    offset: z.int().min(0).default(0),
    limit: z.int().min(0).max(500).default(100),
    session: z.string().max(64).optional(),
  }),
  z.strictObject({ type: z.literal('close-view'), view: z.int() }),
  z.strictObject({ type: z.literal('watch'), id: z.int() }),
  z.strictObject({ type: z.literal('unwatch'), id: z.int() }),
  z.strictObject({ type: z.literal('overview'), on: z.boolean() }),
]);
type Said = z.output<typeof SAID>;

export interface LiveParts {
  /** That of the moment; `null` while nothing is recorded. */
  readonly store: () => FlowStore | null;
  /** An exchange that is under way; `null` where it is none. */
  readonly active: (id: number) => RecordedExchange | null | Promise<RecordedExchange | null>;
  readonly shownRows: (rows: readonly Summary[]) => readonly Summary[];
  /** What the header of the page shows, once a second. */
  readonly status: () => Promise<object>;
  readonly overview: () => Promise<object>;
}

interface View {
  /** As the store knows it. */
  readonly number: number;
  readonly filter: string;
  readonly order: string;
  readonly session: string | undefined;
  /** Rows under way in the window that was pushed last, as they were told last, by their id. */
  underWay: Map<number, Summary>;
}

interface Page {
  readonly socket: WebSocket;
  readonly views: Map<number, View>;
  readonly watched: Set<number>;
  wantsOverview: boolean;
  /** What waits until the page has taken what it was sent, the newest of each kind. */
  readonly waiting: Map<string, object>;
}

export class Live {
  readonly #parts: LiveParts;
  readonly #pages = new Set<Page>();
  /** Whose view the store means, and under which number it knows it. */
  readonly #views = new Map<number, { readonly page: Page; readonly view: number }>();
  #lastView = 0;
  #timer: NodeJS.Timeout | null = null;
  #isFollowing = false;

  constructor(parts: LiveParts) {
    this.#parts = parts;
  }

  /** Takes up a page; it is forgotten when it leaves. */
  welcome(socket: WebSocket): void {
    const page: Page = { socket, views: new Map(), watched: new Set(), wantsOverview: false, waiting: new Map() };
    this.#pages.add(page);
    let unanswered = 0;
    socket.on('message', (data, isBinary) => {
      unanswered += 1;
      if (unanswered >= MOST_UNANSWERED) socket.pause();
      void this.#hear(page, isBinary ? null : String(data))
        .catch((error: unknown) => this.#tell(page, 'problem', { type: 'problem', message: messageOf(error) }))
        .finally(() => {
          unanswered -= 1;
          if (socket.isPaused) socket.resume();
        });
    });
    socket.on('error', () => socket.terminate());
    socket.on('close', () => this.#forget(page));
    this.#timer ??= setInterval(() => {
      void this.#tick();
      void this.#followRows();
    }, TICK_MS).unref();
    void this.#tick();
  }

  /** What the store pushes. */
  take(push: Push): void {
    switch (push.kind) {
      case 'window': {
        const { view: number, kind: _, ...window } = push;
        const whose = this.#views.get(number);
        if (whose === undefined) return;
        const rows = newest(this.#parts.shownRows(window.rows), whose.page.views.get(whose.view));
        this.#tell(whose.page, `window ${whose.view}`, { type: 'window', view: whose.view, ...window, rows });
        return;
      }
      case 'changed':
        for (const page of this.#watching(push.id)) this.#tell(page, `exchange ${push.id}`, { type: 'exchange', id: push.id });
        return;
      case 'messages':
        for (const page of this.#watching(push.id))
          this.#tell(page, `messages ${push.id}`, { type: 'messages', id: push.id, total: push.total });
        return;
      case 'status':
        void this.#tick();
        return;
      default:
        push satisfies never;
    }
  }

  /** To every page. @param about  what it is the newest of */
  tellAll(about: string, message: object): void {
    for (const page of this.#pages) this.#tell(page, about, message);
  }

  close(): void {
    if (this.#timer !== null) clearInterval(this.#timer);
    this.#timer = null;
    for (const { socket } of this.#pages) socket.terminate();
  }

  async #hear(page: Page, text: string | null): Promise<void> {
    const said = SAID.safeParse(parsed(text));
    if (!said.success) throw new Error(said.error.issues.map(({ path, message }) => [...path, message].join(': ')).join('; '));
    const store = this.#parts.store();
    switch (said.data.type) {
      case 'view':
        if (store !== null) await this.#show(page, said.data, store);
        return;
      case 'close-view':
        this.#closeView(page, said.data.view);
        return;
      case 'watch':
        if (page.watched.size >= MOST_WATCHED || page.watched.has(said.data.id)) return;
        page.watched.add(said.data.id);
        await store?.ask({ kind: 'watch', id: said.data.id });
        return;
      case 'unwatch':
        if (page.watched.delete(said.data.id)) await store?.ask({ kind: 'unwatch', id: said.data.id });
        return;
      case 'overview':
        page.wantsOverview = said.data.on;
        if (said.data.on) await this.#tick();
        return;
      default:
        said.data satisfies never;
    }
  }

  /** A view that only moves keeps what was found for it. */
  async #show(page: Page, said: Extract<Said, { type: 'view' }>, store: FlowStore): Promise<void> {
    const { view, filter, order, offset, limit, session } = said;
    const known = page.views.get(view);
    if (known !== undefined && known.filter === filter && known.order === order && known.session === session) {
      await store.ask({ kind: 'moveView', view: known.number, offset, limit });
      return;
    }
    this.#closeView(page, view);
    this.#lastView += 1;
    const number = this.#lastView;
    page.views.set(view, { number, filter, order, session, underWay: new Map() });
    this.#views.set(number, { page, view });
    const wanted = { filter, order, offset, limit, ...(session !== undefined && { session }) };
    const { problem } = await store.ask({ kind: 'openView', view: number, ...wanted }).catch((error: unknown) => {
      if (page.views.get(view)?.number === number) this.#closeView(page, view);
      throw error;
    });
    if (page.views.get(view)?.number !== number) {
      // Closed, or replaced, before it was open: then the store may have been told so too early.
      store.ask({ kind: 'closeView', view: number }).catch(ignore);
      return;
    }
    if (problem === null) return;
    this.#closeView(page, view);
    this.#tell(page, `problem ${view}`, { type: 'filter-problem', view, ...problem });
  }

  #closeView(page: Page, view: number): void {
    const known = page.views.get(view);
    if (known === undefined) return;
    page.views.delete(view);
    this.#views.delete(known.number);
    this.#parts.store()?.ask({ kind: 'closeView', view: known.number }).catch(ignore);
  }

  #forget(page: Page): void {
    if (!this.#pages.delete(page)) return;
    for (const view of [...page.views.keys()]) this.#closeView(page, view);
    for (const id of page.watched) this.#parts.store()?.ask({ kind: 'unwatch', id }).catch(ignore);
    if (this.#pages.size > 0 || this.#timer === null) return;
    clearInterval(this.#timer);
    this.#timer = null;
  }

  #watching(id: number): readonly Page[] {
    return [...this.#pages].filter(({ watched }) => watched.has(id));
  }

  async #tick(): Promise<void> {
    for (const page of this.#pages) this.#flush(page);
    try {
      const status = await this.#parts.status();
      this.tellAll('status', { type: 'status', ...status });
      const curious = [...this.#pages].filter(({ wantsOverview }) => wantsOverview);
      if (curious.length === 0) return;
      const overview = await this.#parts.overview();
      for (const page of curious) this.#tell(page, 'overview', { type: 'overview', ...overview });
    } catch {
      // Recording has ended, or begins; the next second tells.
    }
  }

  /** Tells each page of the rows that have changed while it shows them. */
  async #followRows(): Promise<void> {
    if (this.#isFollowing) return;
    this.#isFollowing = true;
    try {
      const known = new Map<number, Summary | null>();
      for (const page of this.#pages) for (const [view, shown] of page.views) await this.#followView(page, view, shown, known);
    } catch {
      // Whoever has them is going, or comes; the next second tells.
    } finally {
      this.#isFollowing = false;
    }
  }

  /** @param known  what has been asked for another view already */
  async #followView(page: Page, view: number, shown: View, known: Map<number, Summary | null>): Promise<void> {
    const rows: Summary[] = [];
    for (const id of [...shown.underWay.keys()].slice(0, MOST_FOLLOWED)) {
      if (!known.has(id)) known.set(id, (await this.#parts.active(id))?.summary ?? null);
      const row = known.get(id);
      const before = shown.underWay.get(id);
      // Gone from the window meanwhile, or ended: the store tells.
      if (!row || before === undefined || isSameRow(before, row)) continue;
      const [told] = this.#parts.shownRows([row]);
      shown.underWay.set(id, told!);
      rows.push(told!);
    }
    if (rows.length > 0 && page.views.get(view) === shown) this.#tell(page, `rows ${view}`, { type: 'rows', view, rows });
  }

  #tell(page: Page, about: string, message: object): void {
    if (page.socket.bufferedAmount > MOST_UNSENT) {
      page.waiting.set(about, message);
      return;
    }
    page.socket.send(JSON.stringify(message), ignore);
  }

  #flush(page: Page): void {
    for (const [about, message] of page.waiting) {
      if (page.socket.bufferedAmount > MOST_UNSENT) return;
      page.waiting.delete(about);
      page.socket.send(JSON.stringify(message), ignore);
    }
  }
}

/** The store knows of rows under way what they began with: what has been told since stays. */
function newest(rows: readonly Summary[], view: View | undefined): readonly Summary[] {
  // Of another session nothing is under way.
  if (view === undefined || view.session !== undefined) return rows;
  const before = view.underWay;
  view.underWay = new Map();
  return rows.map((row) => {
    if (row.state !== 'pending') return row;
    const told = before.get(row.id) ?? row;
    view.underWay.set(row.id, told);
    return told;
  });
}

/** In what grows, or comes, while an exchange lasts. */
function isSameRow(a: Summary, b: Summary): boolean {
  return (
    a.responseBytes === b.responseBytes &&
    a.requestBytes === b.requestBytes &&
    a.messages === b.messages &&
    a.status === b.status &&
    a.firstByteMs === b.firstByteMs
  );
}

function parsed(text: string | null): unknown {
  try {
    return JSON.parse(text ?? '');
  } catch {
    return null;
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

function ignore(): void {}

const TICK_MS = 1_000;
const MOST_WATCHED = 16;
/** Rows of a view, the first of its window: somewhat more than a screen has. */
const MOST_FOLLOWED = 100;
/** What a page may ask before it is answered; more waits in its connection. */
const MOST_UNANSWERED = 32;
/** Octets that a page may be behind before it gets only the newest. */
const MOST_UNSENT = 1024 * 1024;
