// Owns making a rewriting rule of an exchange: one for requests like it, to be edited by whoever wants another one. It names the host, the port where that
// is none of its own, and the path, without the query.
import { BadQuestion } from '../admin/answers.ts';
import { type Filter, formatFilter } from '../flows/filter/filter.ts';
import type { RecordedExchange, RecordedFields, Summary } from '../flows/recorded.ts';
import { DEFAULT_PORTS } from '../http/target.ts';
import { decodeContent } from '../rewrite/content.ts';
import type { WrittenRule } from '../rewrite/edit-rules.ts';

export const RULE_KINDS = [
  'map_local',
  'map_remote',
  'answer',
  'block',
  'delay',
  'throttle',
  'fail',
  'offline',
  'truncate',
  'set',
] as const;
export type RuleKind = (typeof RULE_KINDS)[number];

/**
 * @param content  of its response, as it passed; `null` where it was not kept as a whole
 * @param keep  a file for the rule to answer with; tells how the rule names it
 * @param to  for another server: its URL; `null` where nobody has said yet, and then the rule is off
 * @throws BadQuestion where no such rule can be made of it
 */
export async function ruleFrom(
  exchange: RecordedExchange,
  kind: RuleKind,
  content: () => Promise<Uint8Array | null>,
  keep: (name: string, octets: Uint8Array) => Promise<string>,
  to: string | null = null,
): Promise<WrittenRule> {
  const { summary } = exchange;
  if (summary.kind === 'tunnel' || summary.host === '') throw new BadQuestion('Rules are about requests of HTTP; this is none.', 409);
  const rule = { name: `${TITLES[kind]} ${placeOf(summary)}`, match: matchOf(summary) };
  switch (kind) {
    case 'map_local': {
      const octets = await decoded(exchange, content);
      if (octets === null)
        throw new BadQuestion('Its content was not kept as a whole, so that there is nothing to begin the file with.', 409);
      return { ...rule, map_local: await keep(fileNameOf(summary), octets) };
    }
    case 'map_remote':
      return to === null ? { ...rule, map_remote: 'http://127.0.0.1:3000', on: 'false' } : { ...rule, map_remote: to };
    case 'answer':
      return { ...rule, answer: await answerOf(exchange, content) };
    case 'block':
      return { ...rule, answer: { status: '403', fields: { 'Content-Type': 'text/plain' }, body: 'Blocked by a rewriting rule.\n' } };
    case 'delay':
      return { ...rule, delay: '2s' };
    case 'throttle':
      return { ...rule, throttle: '3g' };
    case 'fail':
      return { ...rule, fail: 'reset' };
    case 'offline':
    case 'truncate':
      return { ...rule, fail: kind };
    case 'set':
      return { ...rule, set: { request: { 'X-Debug': '1' }, response: { 'Cache-Control': 'no-store' } } };
    default:
      return kind satisfies never;
  }
}

function matchOf({ method, scheme, host, port, path }: Summary): string {
  const hasOwnPort = (scheme === 'http' || scheme === 'https') && DEFAULT_PORTS[scheme] === port;
  const terms: Filter[] = [{ kind: 'text', word: 'host:', text: hasOwnPort ? host : `${host}:${port}` }];
  const [pathname = ''] = path.split('?', 1);
  if (pathname.length > 1) terms.push({ kind: 'text', word: 'path:', text: pathname });
  if (method !== 'GET') terms.push({ kind: 'text', word: 'method:', text: method });
  return formatFilter(terms.length === 1 ? terms[0]! : { kind: 'and', terms });
}

function placeOf({ host, path }: Summary): string {
  const place = `${host}${path.split('?', 1)[0]!.replace(/\/$/, '')}`.replace(/[^ -~]/g, '?');
  return place.length > MOST_CHARACTERS ? `${place.slice(0, MOST_CHARACTERS - 3)}...` : place;
}

/** As it was, where that is text of a size to be edited in the file of rules; else a status that can be seen. */
async function answerOf(
  exchange: RecordedExchange,
  content: () => Promise<Uint8Array | null>,
): Promise<Record<string, string | Record<string, string>>> {
  const type = fieldOf(exchange.response?.fields, 'content-type');
  const octets = type !== null && TEXTS.test(type) ? await decoded(exchange, content) : null;
  const text = octets === null || octets.length > MOST_TEXT ? null : textOf(octets);
  if (type === null || text === null || exchange.summary.status < 200)
    return { status: '503', fields: { 'Content-Type': 'text/plain' }, body: 'Answered by a rewriting rule.\n' };
  return { status: String(exchange.summary.status), fields: { 'Content-Type': type }, body: text };
}

async function decoded({ response }: RecordedExchange, content: () => Promise<Uint8Array | null>): Promise<Buffer | null> {
  const octets = response === null ? null : await content();
  if (response === null || octets === null) return null;
  const fields = response.fields.map(([name, value]) => ({ name, value }));
  const plain = decodeContent(Buffer.from(octets), fields, MOST_DECODED);
  return typeof plain === 'string' ? null : plain;
}

/** `null` where it is none that YAML could hold as it is. */
function textOf(octets: Buffer): string | null {
  try {
    const text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(octets);
    return /[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\u{10000}-\u{10ffff}]/u.test(text) ? null : text;
  } catch {
    return null;
  }
}

/** Never a path of the peer's choice: the last part of it, of plain characters. */
function fileNameOf({ id, path, contentType }: Summary): string {
  const last = path
    .split('?', 1)[0]!
    .split('/')
    .at(-1)!
    .replace(/[^\w.-]/g, '_')
    .replace(/^\.+/, '')
    .slice(-60);
  const name = `${id}-${last === '' ? 'index' : last}`;
  if (/\.[a-z0-9]{1,8}$/i.test(name)) return name;
  return `${name}${EXTENSIONS.find(([type]) => type.test(contentType ?? ''))?.[1] ?? ''}`;
}

function fieldOf(fields: RecordedFields | undefined, wanted: string): string | null {
  return fields?.find(([name]) => name.toLowerCase() === wanted)?.[1] ?? null;
}

const TITLES: Readonly<Record<RuleKind, string>> = {
  map_local: 'Local file for',
  map_remote: 'Other server for',
  answer: 'Answer to',
  block: 'Block',
  delay: 'Delay',
  throttle: 'Throttle',
  fail: 'Break off',
  offline: 'Offline',
  truncate: 'Break off the answer of',
  set: 'Fields of',
};
const TEXTS = /^(?:text\/|application\/(?:[\w.-]+\+)?(?:json|xml|javascript)\b)/i;
const EXTENSIONS: readonly (readonly [RegExp, string])[] = [
  [/^text\/html/i, '.html'],
  [/json/i, '.json'],
  [/javascript/i, '.js'],
  [/^text\/css/i, '.css'],
  [/^image\/svg/i, '.svg'],
  [/xml/i, '.xml'],
  [/^text\//i, '.txt'],
];
const MOST_CHARACTERS = 60;
const MOST_TEXT = 16 * 1024;
const MOST_DECODED = 16 * 1024 * 1024;
