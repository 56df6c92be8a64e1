// Owns what a request of the soak asks for, written in its path: how the origin is to answer, how much, and the number that makes it unique.
import { Content } from './content.ts';

/**
 * How an origin that behaves frames its answer; `echo-...` return the request's content, whole or as it comes, and `storable` may be stored, so that
 * it is asked for more than once.
 */
export const GOOD_WAYS = ['length', 'chunked', 'until-close', 'echo-whole', 'echo-stream', 'storable'] as const;
export type GoodWay = (typeof GOOD_WAYS)[number];

/** What an origin that misbehaves does, with whether the client may still be given the right answer in the end. */
export const BAD_WAYS = {
  'reset-at-accept': 'must fail',
  'reset-before-head': 'must fail',
  'reset-in-head': 'must fail',
  'reset-in-content': 'must fail',
  'reset-until-close': 'must fail',
  hang: 'must fail',
  'hang-in-content': 'must fail',
  garbage: 'must fail',
  'short-length': 'must fail',
  'cut-chunked': 'must fail',
  trickle: 'may succeed',
  surplus: 'may succeed',
} as const;
export type BadWay = keyof typeof BAD_WAYS;

/** The same of an origin that speaks HTTP/2; others on its session may suffer with it. */
export const STREAM_WAYS = ['stream-reset', 'stream-reset-in-content', 'stream-short', 'session-goaway', 'session-destroyed'] as const;
export type StreamWay = (typeof STREAM_WAYS)[number];

export interface Asked {
  readonly way: GoodWay | BadWay | StreamWay | 'denied';
  readonly length: number;
  readonly id: number;
}

export function pathOf({ way, length, id }: Asked): string {
  return `/${way}/${length}/${id}`;
}

/** @throws Error for a path that no client of the soak wrote */
export function parsePath(path: string): Asked {
  const [, way, length, id] = /^\/([a-z-]+)\/(\d+)\/(\d+)$/.exec(path) ?? [];
  if (way === undefined || !WAYS.has(way)) throw new Error(`a request for ${path}, which nobody made`);
  return { way: way as Asked['way'], length: Number(length), id: Number(id) };
}

export function contentOf(asked: Asked): Content {
  return new Content(pathOf(asked), asked.length);
}

const WAYS: ReadonlySet<string> = new Set([...GOOD_WAYS, ...Object.keys(BAD_WAYS), ...STREAM_WAYS, 'denied']);
