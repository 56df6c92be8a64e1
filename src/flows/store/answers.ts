// Owns the answers: each kind of question, and what it asks of sessions, views and counts.

import type { MaskRules } from '../redact/rules.ts';
import type { SessionCounts } from './counts.ts';
import type { FlowSession } from './flow-session.ts';
import { HostCounting } from './host-counts.ts';
import type { LiveViews } from './live-views.ts';
import type { Masking } from './mask-record.ts';
import { type DecodeText, type ReadFilter, readFilter } from './matching.ts';
import { type Order, parseOrder } from './order.ts';
import type { AppendedExchange, FilterProblem, Listing, Question, QuestionTable, StoreStatus } from './protocol.ts';
import { readHar } from './read-har.ts';
import { messageFrame, recordFrame } from './session-file.ts';
import { SessionTotals } from './session-totals.ts';
import { Refused, type Sessions } from './sessions.ts';
import type { Showing } from './showing.ts';
import { contentOf, copyOf, diffOf, maskContentWith, maskMessages, viewOf, writeHar } from './shown-content.ts';
import type { Slices } from './slices.ts';
import { listOnce, newest, rowsOf, type ViewParts } from './views.ts';

type Asks<K extends keyof QuestionTable> = QuestionTable[K]['asks'];
type Answer<K extends keyof QuestionTable> = QuestionTable[K]['answers'] | Promise<QuestionTable[K]['answers']>;
type AnswerTable = { readonly [K in keyof QuestionTable]: (asked: Asks<K>) => Answer<K> };
type Problem = { readonly problem: FilterProblem };

export interface AnswerParts {
  readonly sessions: Sessions;
  readonly views: LiveViews;
  readonly slices: Slices;
  readonly showing: Showing;
  readonly decode: DecodeText;
  readonly status: () => StoreStatus;
  /** Another session is recorded into, or it was cleared. */
  readonly sessionChanged: () => void;
}

export class Answers {
  readonly #parts: AnswerParts;
  /** Of the session that is recorded into. */
  #totals: SessionTotals;
  /** By session and filter; the latest asked for last. */
  readonly #hosts = new Map<string, HostCounting>();
  /** What was asked for last under the number of each view. */
  readonly #opening = new Map<number, object>();

  constructor(parts: AnswerParts) {
    this.#parts = parts;
    this.#totals = new SessionTotals(parts.sessions.recorded, parts.slices);
  }

  /** @throws Error; what is meant for people is a sentence */
  async answer(question: Question): Promise<unknown> {
    // Its own kind of question, which the table's type says and this line can not.
    const answer = this.#table[question.kind] as (asked: Question) => unknown;
    return await answer(question);
  }

  readonly #table: AnswerTable = {
    exchange: async ({ session, id }) => (await this.#find(session)).find(id)?.exchange() ?? null,
    content: async ({ session, id, of, masks = null }) => contentOf(this.#parts.showing, await this.#find(session), id, of, masks),
    view: async ({ session, ...asked }) => viewOf(this.#parts.showing, await this.#find(session), asked),
    diff: async ({ session, before, after, masks }) => diffOf(this.#parts.showing, await this.#find(session), [before, after], masks),
    copy: async ({ session, exchange, form, masks }) => copyOf(this.#parts.showing, await this.#find(session), exchange, form, masks),
    messages: async ({ session, id, after, limit, masks = null }) => {
      const found = await this.#find(session);
      const messages = found.messages(id, after, bounded(limit));
      const shown = masks === null ? messages : await this.#parts.slices.run(maskMessages(messages, masks)).done;
      return { total: found.countMessages(id), messages: shown };
    },
    list: async ({ session, offset, limit, ...asked }) => {
      const parts = await this.#viewParts(session, asked);
      if ('problem' in parts) return parts;
      return newest(parts, start(offset), bounded(limit)) ?? rowsOf(parts.session, await listOnce(parts), start(offset), bounded(limit));
    },
    ids: async ({ session, ...asked }) => {
      const parts = await this.#viewParts(session, asked);
      if ('problem' in parts) return parts;
      const list = await listOnce(parts);
      return list.ids(0, list.size);
    },
    hosts: ({ session, filter }) => this.#hostsOf(session, filter),
    overview: async ({ session }) => (await this.#countsOf(session)).overview(),
    rules: async ({ session }) => (await this.#countsOf(session)).rules(),
    status: () => this.#parts.status(),
    openView: async ({ session, view, offset, limit, ...asked }) => {
      const { views } = this.#parts;
      if (views.isFull && !views.has(view)) throw new Refused('There are too many views open. Close one.');
      this.#opening.set(view, asked);
      const parts = await this.#viewParts(session, asked);
      if ('problem' in parts) return parts;
      // Unless it was closed, or asked for anew, while its session was opened.
      if (this.#opening.get(view) === asked) views.open(view, parts, { offset: start(offset), limit: bounded(limit) });
      return { problem: null };
    },
    moveView: ({ view, offset, limit }) => {
      this.#parts.views.move(view, start(offset), bounded(limit));
      return null;
    },
    closeView: ({ view }) => {
      this.#opening.delete(view);
      this.#parts.views.close(view);
      return null;
    },
    watch: ({ id }) => {
      this.#parts.views.watch(id);
      return null;
    },
    unwatch: ({ id }) => {
      this.#parts.views.unwatch(id);
      return null;
    },
    sessions: () => this.#parts.sessions.list(),
    beginSession: ({ name }) => {
      const { sessions, views } = this.#parts;
      sessions.begin(name);
      views.follow(sessions.recorded);
      this.#totals.close();
      this.#totals = new SessionTotals(sessions.recorded, this.#parts.slices);
      this.#parts.sessionChanged();
      return null;
    },
    saveSession: async ({ session, name }) => {
      await this.#parts.sessions.save(session, name);
      return null;
    },
    renameSession: ({ session, name }) => {
      this.#parts.sessions.rename(session, name);
      return null;
    },
    removeSession: ({ session }) => {
      this.#parts.sessions.remove(session);
      return null;
    },
    exportSession: async ({ session, file, masks = null }) => ({
      bytes: await this.#parts.sessions.exportTo(session, file, this.#masking(masks)),
    }),
    importSession: async ({ file, name }) => {
      const session = await this.#parts.sessions.importFrom(file, name);
      return { session: session.name, exchanges: session.exchanges };
    },
    append: async ({ session, exchanges }) => ({ ids: append(await this.#parts.sessions.findToAppend(session), exchanges) }),
    exportHar: async ({ session, filter, file, version, masks }) => {
      const parts = await this.#viewParts(session, { filter, order: 'id' });
      if ('problem' in parts) return parts;
      const list = await listOnce(parts);
      await writeHar(this.#parts.showing, parts.session, list.ids(0, list.size), { file, version, masks });
      return { exchanges: list.size };
    },
    importHar: async ({ session, file, name }) => {
      let count = 0;
      let leftOut = 0;
      for await (const some of readHar({ file, name })) {
        leftOut = some.leftOut;
        // Nothing makes no session.
        if (some.exchanges.length > 0) count += append(await this.#parts.sessions.findToAppend(session), some.exchanges).length;
      }
      return { exchanges: count, leftOut };
    },
    clear: () => {
      this.#parts.sessions.recorded.clear();
      this.#parts.sessionChanged();
      return null;
    },
  };

  #masking(rules: MaskRules | null): Masking | null {
    return rules === null ? null : { rules, content: maskContentWith(this.#parts.showing) };
  }

  #find(session: string | undefined): Promise<FlowSession> {
    return this.#parts.sessions.find(session);
  }

  async #viewParts(session: string | undefined, asked: Pick<Listing, 'filter' | 'order'>): Promise<ViewParts | Problem> {
    const filter = readFilter(asked.filter);
    if ('problem' in filter) return filter;
    const order = orderOf(asked.order);
    const { slices, decode } = this.#parts;
    return { session: await this.#find(session), filter, order, slices, decode };
  }

  async #countsOf(name: string | undefined): Promise<SessionCounts> {
    const session = await this.#find(name);
    if (session === this.#totals.session) return await this.#totals.counts();
    const totals = new SessionTotals(session, this.#parts.slices);
    try {
      return await totals.counts();
    } finally {
      totals.close();
    }
  }

  async #hostsOf(name: string | undefined, filter: string): Promise<QuestionTable['hosts']['answers']> {
    const read = readFilter(filter);
    if ('problem' in read) return read;
    const counting = this.#countingOf(await this.#find(name), filter, read);
    await counting.counted(this.#parts.slices);
    return counting.largest(MOST_HOSTS);
  }

  #countingOf(session: FlowSession, filter: string, read: ReadFilter): HostCounting {
    const key = `${session.name}\n${filter}`;
    let counting = this.#hosts.get(key);
    this.#hosts.delete(key);
    if (counting === undefined || counting.isOutdated || counting.session !== session) {
      counting?.close();
      counting = new HostCounting(session, read, this.#parts.decode);
    }
    this.#hosts.set(key, counting);
    const [oldest] = this.#hosts;
    if (this.#hosts.size > MOST_COUNTINGS && oldest !== undefined) {
      oldest[1].close();
      this.#hosts.delete(oldest[0]);
    }
    return counting;
  }
}

function append(session: FlowSession, exchanges: readonly AppendedExchange[]): number[] {
  const ids = exchanges.map((_, i) => session.lastId + 1 + i);
  const frames = exchanges.flatMap(({ exchange, requestContent, responseContent, messages }, i) => [
    recordFrame(ids[i]!, { exchange, requestOctets: bufferOf(requestContent), responseOctets: bufferOf(responseContent) }),
    ...messages.map((message) => messageFrame(ids[i]!, message)),
  ]);
  if (frames.length > 0) session.write(frames, 0, Date.now());
  return ids;
}

function bufferOf(octets: Uint8Array | null): Buffer | null {
  return octets === null ? null : Buffer.from(octets.buffer, octets.byteOffset, octets.byteLength);
}

function orderOf(text: string): Order {
  const order = parseOrder(text);
  if (order === null) throw new Refused(`There is no column ${JSON.stringify(text)} to put rows in order by.`);
  return order;
}

function bounded(limit: number): number {
  return Math.min(Math.max(0, Math.floor(limit)), MOST_ROWS);
}

function start(offset: number): number {
  return Math.max(0, Math.floor(offset));
}

const MOST_ROWS = 500;
const MOST_HOSTS = 1000;
const MOST_COUNTINGS = 4;
