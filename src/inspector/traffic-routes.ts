// Owns what the API says of recorded traffic: lists, one exchange, its content and its messages. Everything long is the store's to find, on its thread.
import { type AdminAnswer, BadQuestion, valueAnswer } from '../admin/answers.ts';
import type { RecordedExchange, Summary } from '../flows/recorded.ts';
import type { MaskRules } from '../flows/redact/rules.ts';
import type { FlowStore } from '../flows/store/flow-store.ts';
import { parseOrder } from '../flows/store/order.ts';
import type { FilterProblem } from '../flows/store/protocol.ts';
import { numberIn, type Route, type RouteAsked } from './route.ts';

export interface Recording {
  /** What it refuses, it refuses with a BadQuestion. @throws BadQuestion where nothing is recorded */
  store(): Pick<FlowStore, 'ask'>;
  /** One that is under way; `null` where it is none. */
  active(id: number): RecordedExchange | null | Promise<RecordedExchange | null>;
  /** With its secrets masked, unless whoever asks wants to see them and may. */
  shown(exchange: RecordedExchange, reveal: boolean): RecordedExchange;
  /** What masks content; `null` masks nothing. */
  masks(reveal: boolean): MaskRules | null;
  shownRows(rows: readonly Summary[]): readonly Summary[];
}

export function trafficRoutes(recording: Recording): readonly Route[] {
  return [
    {
      method: 'GET',
      path: '/api/exchanges',
      summary: 'Recorded exchanges, as rows of a list',
      query: {
        ...FILTERED,
        order: 'a column, or -column for descending; id by default',
        offset: 'rows to leave out',
        limit: '100 by default, 500 at most',
      },
      answers: '{total, offset, rows}: how many match, and some of them',
      async answer({ query }) {
        const rows = await recording.store().ask({
          kind: 'list',
          ...sessionIn(query),
          filter: query.get('filter') ?? '',
          order: orderIn(query),
          offset: numberIn(query, 'offset', 0),
          limit: numberIn(query, 'limit', 100, 500),
        });
        const found = unlessProblem(rows);
        return valueAnswer({ ...found, rows: recording.shownRows(found.rows) });
      },
    },
    {
      method: 'GET',
      path: '/api/exchanges/{id}',
      summary: 'Everything about one exchange but its content',
      query: REVEALED,
      answers: 'The exchange: both messages as they came and as they went on, content in numbers, and what each stage found',
      async answer(asked) {
        return valueAnswer(recording.shown(await exchangeAsked(recording, asked), isRevealed(asked)));
      },
    },
    {
      method: 'GET',
      path: '/api/exchanges/{id}/messages',
      summary: 'Messages of a WebSocket, or server-sent events',
      query: { ...REVEALED, after: 'the number of the last one that is known', limit: '100 by default, 500 at most' },
      answers: '{total, messages}',
      async answer(asked) {
        const { query, segments } = asked;
        const page = { after: numberIn(query, 'after', 0), limit: numberIn(query, 'limit', 100, 500) };
        const masks = recording.masks(isRevealed(asked));
        return valueAnswer(await recording.store().ask({ kind: 'messages', ...sessionIn(query), id: idOf(segments), ...page, masks }));
      },
    },
    {
      method: 'GET',
      path: '/api/hosts',
      summary: 'Hosts of the exchanges that match, with their numbers',
      query: FILTERED,
      answers: 'At most 1000 hosts, by the number of exchanges',
      async answer({ query }) {
        const hosts = await recording.store().ask({ kind: 'hosts', ...sessionIn(query), filter: query.get('filter') ?? '' });
        return valueAnswer(unlessProblem(hosts));
      },
    },
  ];
}

/** @throws BadQuestion 404 where there is no such exchange */
export async function exchangeAsked(recording: Recording, { segments, query }: RouteAsked, name = 'id'): Promise<RecordedExchange> {
  const id = idOf(segments, name);
  const session = sessionIn(query);
  const found = await recording.store().ask({ kind: 'exchange', ...session, id });
  const active = session.session === undefined && found?.summary.state !== 'done' ? await recording.active(id) : null;
  const exchange = active ?? found;
  if (exchange === null) throw new BadQuestion(`There is no exchange ${id}, or it is not kept any more.`, 404);
  return exchange;
}

export function idOf(segments: RouteAsked['segments'], name = 'id'): number {
  const text = segments[name] ?? '';
  if (!/^\d{1,15}$/.test(text)) throw new BadQuestion(`Exchanges have numbers; found ${JSON.stringify(text)}.`);
  return Number(text);
}

export function sessionIn(query: URLSearchParams): { readonly session?: string } {
  const session = query.get('session');
  return session === null ? {} : { session };
}

/** @throws BadQuestion */
function orderIn(query: URLSearchParams): string {
  const order = query.get('order') ?? 'id';
  if (parseOrder(order) === null)
    throw new BadQuestion(`order: expected a column such as status, -totalMs or host; found ${JSON.stringify(order)}.`);
  return order;
}

export function isRevealed({ query }: Pick<RouteAsked, 'query'>): boolean {
  return query.get('reveal') === '1';
}

/** @throws BadQuestion with the column, where a filter is none */
export function unlessProblem<T>(answer: T | { readonly problem: FilterProblem }): T {
  if (typeof answer === 'object' && answer !== null && 'problem' in answer) {
    const { column, message } = answer.problem;
    throw new BadQuestion(`filter, column ${column}: ${message}`);
  }
  return answer as T;
}

/** Captured octets as nothing that a browser would run or show as a page of ours. */
export function capturedOctets(content: Buffer, fileName: string): AdminAnswer {
  return {
    kind: 'octets',
    type: 'application/octet-stream',
    content,
    fields: {
      'Content-Disposition': `attachment; filename="${fileName.replace(/[^\w.-]/g, '_')}"`,
      'Content-Security-Policy': "sandbox; default-src 'none'",
    },
  };
}

export const SESSION = 'another session than the one that is recorded into';
export const FILTERED = { filter: 'in the filter language; all by default', session: SESSION };
export const REVEALED = { reveal: '1 shows secrets as they are', session: SESSION };
