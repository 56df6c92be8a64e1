// Owns what matches a filter in a session, as long as somebody wants to know: found by a search from the newest to the oldest, and kept right while
// exchanges come, change and go. A filter that asks for nothing but summaries is answered at once for what comes; one that asks for fields or content reads
// records, a few at a time.
import { needs, testOf } from '../filter/match.ts';
import { type FilterProblem, parseFilter } from '../filter/parse.ts';
import type { FilterSubject, FilterTest } from '../filter/subject.ts';
import type { Need } from '../filter/words.ts';
import type { RecordedContent, RecordedExchange, RecordedFields, Summary } from '../recorded.ts';
import type { Change } from './batch-changes.ts';
import type { FlowSession, FoundExchange } from './flow-session.ts';
import type { Progress } from './protocol.ts';

export interface ReadFilter {
  /** `null`: everything matches. */
  readonly test: FilterTest | null;
  readonly needs: Need;
}

/** Content as text in Unicode, without its codings; `null` where it is none. */
export type DecodeText = (content: Buffer, isCut: boolean, fields: RecordedFields) => string | null;

export function readFilter(text: string): ReadFilter | { readonly problem: FilterProblem } {
  const parsed = parseFilter(text);
  if ('problem' in parsed) return parsed;
  return { test: parsed.ok.kind === 'all' ? null : testOf(parsed.ok), needs: needs(parsed.ok) };
}

/** Hears which match: what a search has found from the newest to the oldest, and what is or was said of others since. */
export interface Matches {
  /** Its summary is left out where nobody needs it. */
  found(id: number, summary: Summary | null): void;
  /** It matches, now if not before. */
  matched(change: Change): void;
  /** It does not, any more or at all. */
  unmatched(id: number): void;
}

export class Matching {
  readonly #session: FlowSession;
  readonly #filter: ReadFilter;
  readonly #decode: DecodeText;
  readonly #matches: Matches;
  readonly #wantsSummaries: boolean;
  /** Below it nothing has been looked at yet; what is new is always above. */
  #cursor: number;
  readonly #of: number;
  #scanned = 0;
  #isDone = false;
  /** Changed, and to be looked at: they take longer than whoever writes may wait. */
  #waiting = new Map<number, Change>();

  constructor(parts: {
    readonly session: FlowSession;
    readonly filter: ReadFilter;
    readonly decode: DecodeText;
    readonly matches: Matches;
    readonly wantsSummaries: boolean;
  }) {
    this.#session = parts.session;
    this.#filter = parts.filter;
    this.#decode = parts.decode;
    this.#matches = parts.matches;
    this.#wantsSummaries = parts.wantsSummaries;
    this.#cursor = parts.session.lastId + 1;
    this.#of = parts.session.exchanges;
  }

  get progress(): Progress {
    return this.#isDone ? null : { scanned: this.#scanned, of: Math.max(this.#of, this.#scanned) };
  }

  get isWaiting(): boolean {
    return this.#waiting.size > 0;
  }

  /** Looks at all there is, and at what has changed meanwhile. */
  *search(): Generator<void> {
    while (!this.#isDone) {
      yield* this.#searchMore();
      yield;
    }
    yield* this.lookAtWaiting();
  }

  *lookAtWaiting(): Generator<void> {
    while (this.#waiting.size > 0) {
      const [[id, change] = [0, null]] = this.#waiting;
      this.#waiting.delete(id);
      if (change !== null) this.#look(change);
      yield;
    }
  }

  changed(changes: readonly Change[]): void {
    for (const change of changes) {
      // The search will come to it.
      if (change.id < this.#cursor && !this.#isDone) continue;
      if (this.#filter.needs === 'summary') this.#look(change);
      else this.#waiting.set(change.id, change);
    }
  }

  *#searchMore(): Generator<void> {
    const mayDoWithout = this.#filter.test === null && !this.#wantsSummaries;
    if (mayDoWithout) {
      const ids = this.#session.idsBelow(this.#cursor, IDS_AT_ONCE);
      for (const id of ids) this.#matches.found(id, null);
      this.#searched(ids.length, ids.at(-1));
      return;
    }
    const summaries = this.#session.summariesBelow(this.#cursor, SUMMARIES_AT_ONCE);
    for (const summary of summaries) {
      this.#searchOne(summary);
      this.#searched(1, summary.id);
      if (this.#filter.needs !== 'summary') yield;
    }
    if (summaries.length === 0) this.#searched(0, undefined);
  }

  #searchOne(summary: Summary): void {
    // Others had their turn since it was read: it may have ended, or gone.
    const latest = this.#filter.needs === 'summary' ? summary : this.#session.summary(summary.id);
    if (latest !== null && this.#fits(latest)) this.#matches.found(latest.id, latest);
  }

  #searched(count: number, last: number | undefined): void {
    this.#scanned += count;
    if (last === undefined) this.#isDone = true;
    else this.#cursor = last;
  }

  #look(change: Change): void {
    // Nobody makes a summary where everything matches.
    if (this.#filter.test === null || this.#fits(change.summary)) this.#matches.matched(change);
    else this.#matches.unmatched(change.id);
  }

  #fits(summary: Summary): boolean {
    const { test } = this.#filter;
    return test === null || test(this.#subject(summary));
  }

  #subject(summary: Summary): FilterSubject {
    const found = this.#filter.needs === 'summary' ? null : this.#session.find(summary.id);
    return found === null ? { summary } : subjectOf(found, this.#decode);
  }
}

function subjectOf(found: FoundExchange, decode: DecodeText): FilterSubject {
  const exchange = found.exchange();
  const { request, facts, summary } = exchange;
  const response = exchange.response ?? exchange.received;
  return {
    summary,
    request,
    response,
    facts,
    requestText: () => textOf(found, decode, 'request', exchange),
    responseText: () => textOf(found, decode, 'response', exchange),
  };
}

function textOf(found: FoundExchange, decode: DecodeText, of: 'request' | 'response', exchange: RecordedExchange): string | null {
  const kept: RecordedContent | null = of === 'request' ? exchange.requestContent : exchange.responseContent;
  const fields = of === 'request' ? exchange.request.fields : (exchange.response ?? exchange.received)?.fields;
  if (kept === null || kept.kept === 0 || fields === undefined) return null;
  const content = found.content(of);
  return content === null ? null : decode(content, kept.kept < kept.length, fields);
}

const IDS_AT_ONCE = 1000;
const SUMMARIES_AT_ONCE = 250;
