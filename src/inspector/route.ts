// Owns what a route of the inspector's API is: one method and one path, what it takes, and who answers. The table of them is both what is served and
// what the OpenAPI description says, so neither can say more than the other.
import type * as z from 'zod';
import { type AdminAnswer, type Asked, BadQuestion, problemAnswer, valueAnswer } from '../admin/answers.ts';

export interface Route {
  readonly method: 'GET' | 'POST' | 'PUT' | 'DELETE';
  /** `/api/exchanges/{id}`: a name in braces stands for one segment. */
  readonly path: string;
  readonly summary: string;
  /** What the query may say, and in a few words what it means. */
  readonly query?: Readonly<Record<string, string>>;
  /** Of the content, as JSON. */
  readonly content?: z.ZodType;
  /** The content is a file instead: octets, of what it says. */
  readonly file?: string;
  /** In words, what comes back. */
  readonly answers: string;
  answer(asked: RouteAsked): Promise<AdminAnswer> | AdminAnswer;
}

export interface RouteAsked extends Asked {
  /** Values of the names in braces, decoded. */
  readonly segments: Readonly<Record<string, string>>;
}

/** @returns the answer of the route that is asked for; `null` where the path is none of theirs */
export async function answerByRoute(routes: readonly Route[], asked: Asked): Promise<AdminAnswer | null> {
  const there = routes.flatMap((route) => {
    const segments = segmentsOf(route.path, asked.path);
    return segments === null ? [] : [{ route, segments }];
  });
  if (there.length === 0) return null;
  const found = there.find(({ route }) => route.method === asked.method);
  if (found === undefined) {
    const allow = there.map(({ route }) => route.method).join(', ');
    return { ...problemAnswer(405, `${asked.path} takes ${allow}.`), allow };
  }
  const { route, segments } = found;
  unknownQuery(route, asked.query);
  return route.answer({ ...asked, segments });
}

/** @throws BadQuestion with every problem */
export async function contentAs<T extends z.ZodType>(schema: T, asked: Asked, maxBytes?: number): Promise<z.output<T>> {
  let given: unknown;
  try {
    given = JSON.parse(await asked.text(maxBytes));
  } catch (error) {
    if (error instanceof SyntaxError) throw new BadQuestion('The content is not JSON.');
    throw error;
  }
  const parsed = schema.safeParse(given);
  if (parsed.success) return parsed.data;
  throw new BadQuestion(parsed.error.issues.map(({ path, message }) => [...path, message].join(': ')).join('; '));
}

/** What is JSON already; `null` as JSON has it. */
export function jsonAnswer(json: Uint8Array | null): AdminAnswer {
  if (json === null) return valueAnswer(null);
  return { kind: 'octets', type: 'application/json', content: Buffer.from(json.buffer, json.byteOffset, json.byteLength), fields: {} };
}

/** A whole number out of the query. @throws BadQuestion */
export function numberIn(query: URLSearchParams, name: string, otherwise: number, most = Number.MAX_SAFE_INTEGER): number {
  const text = query.get(name);
  if (text === null) return otherwise;
  const value = Number(text);
  if (!/^\d{1,15}$/.test(text) || value > most)
    throw new BadQuestion(`${name}: expected a number from 0 to ${most}; found ${JSON.stringify(text)}.`);
  return value;
}

/** One of these words out of the query. @throws BadQuestion */
export function wordIn<T extends string>(query: URLSearchParams, name: string, words: readonly T[], otherwise: T): T {
  const text = query.get(name) ?? otherwise;
  const found = words.find((word) => word === text);
  if (found === undefined) throw new BadQuestion(`${name}: expected ${words.join(' or ')}; found ${JSON.stringify(text)}.`);
  return found;
}

function segmentsOf(pattern: string, path: string): Readonly<Record<string, string>> | null {
  const wanted = pattern.split('/');
  const given = path.split('/');
  if (wanted.length !== given.length) return null;
  const segments: Record<string, string> = {};
  for (const [i, want] of wanted.entries()) {
    const name = /^\{(\w+)\}$/.exec(want)?.[1];
    if (name === undefined && want !== given[i]) return null;
    if (name === undefined) continue;
    try {
      segments[name] = decodeURIComponent(given[i]!);
    } catch {
      return null;
    }
  }
  return segments;
}

function unknownQuery(route: Route, query: URLSearchParams): void {
  for (const name of query.keys()) {
    if (Object.hasOwn(route.query ?? {}, name)) continue;
    const known = Object.keys(route.query ?? {}).join(', ');
    throw new BadQuestion(`${route.path} knows no ${JSON.stringify(name)} in its query${known === '' ? '' : `; it knows ${known}`}.`);
  }
}
