// Stored responses and requests as the tables of these tests write them: fields as lines, times in seconds after the start.

import { requestDirectives } from '../../../../src/cache/rules/cache-control.ts';
import { factsOf, type ResponseFacts } from '../../../../src/cache/rules/freshness.ts';
import { CACHE_RULE_DEFAULTS, NO_OVERRIDES } from '../../../../src/cache/rules/options.ts';
import { type CacheRequest, judgeReuse, type Reuse } from '../../../../src/cache/rules/reuse.ts';
import { selectingFields, varyOf } from '../../../../src/cache/rules/vary.ts';
import type { Extent, StoredResponse } from '../../../../src/cache/stored-response.ts';
import type { Fields } from '../../../../src/http/message.ts';
import { fieldsOf } from './fields-of.ts';

export const START_MS = Date.UTC(2026, 0, 1);
export const START_DATE = 'Thu, 01 Jan 2026 00:00:00 GMT';
export const HOUR_BEFORE = 'Wed, 31 Dec 2025 23:00:00 GMT';

export interface StoredOptions {
  readonly status?: number;
  readonly extent?: Extent;
  /** The fields of the request that brought it. */
  readonly request?: Fields;
  readonly isInvalidated?: boolean;
  readonly isFromAuthorized?: boolean;
  readonly id?: string;
}

/** Ten octets, received at the start. */
export function storedOf(lines: string, options: StoredOptions = {}): StoredResponse {
  const fields = fieldsIn(lines);
  const vary = varyOf(fields);
  return {
    id: options.id ?? 'one',
    key: 'http://example.com/',
    selectedBy: vary === '*' ? [] : selectingFields(vary, options.request ?? [], []),
    status: options.status ?? 200,
    reason: 'As Stored',
    version: '1.1',
    fields,
    requestTimeMs: START_MS,
    responseTimeMs: START_MS,
    extent: options.extent ?? { first: 0, length: 10, completeLength: 10 },
    isFromAuthorized: options.isFromAuthorized ?? false,
    isInvalidated: options.isInvalidated ?? false,
    origin: null,
    tags: [],
  };
}

/** Field lines in one text. */
export function fieldsIn(lines: string): Fields {
  return lines === '' ? [] : fieldsOf(...lines.split('\n'));
}

/** `first-last/complete`, of a part. */
export function extentOf(text: string): Extent {
  const [range = '', complete = ''] = text.split('/');
  const [first = 0, last = 0] = range.split('-').map(Number);
  return { first, length: last - first + 1, completeLength: complete === '*' ? null : Number(complete) };
}

export function requestOf(lines: string, changes: Partial<CacheRequest> = {}): CacheRequest {
  return {
    method: 'GET',
    scheme: 'http',
    authority: { host: 'example.com', kind: 'name', port: 80 },
    pathAndQuery: '/',
    fields: fieldsIn(lines),
    hasContent: false,
    key: 'http://example.com/',
    overrides: NO_OVERRIDES,
    receivedAtMs: START_MS,
    ...changes,
  };
}

export function factsFor(stored: StoredResponse, request: CacheRequest = requestOf('')): ResponseFacts {
  return factsOf(stored, CACHE_RULE_DEFAULTS, request.overrides);
}

/** What the rules say of a request, so many seconds after the start. */
export function judged(request: CacheRequest, all: readonly StoredResponse[], seconds: number): Reuse {
  return judgeReuse(request, requestDirectives(request.fields), all, (stored) => factsFor(stored, request), START_MS + seconds * 1000);
}
