// Owns what two exchanges have and have not in common: request and status line, fields whatever their order (RFC 9110 §5.3; duplicates count), content line
// by line. Bounded in lines and in differences: what shares next to nothing is shown as one and then the other.
import { readableText } from './octet-text.ts';
import type { RecordedContent, RecordedExchange, RecordedFields, RecordedRequest, RecordedResponse } from './recorded.ts';

export interface DiffLine {
  readonly kind: 'same' | 'added' | 'removed';
  readonly text: string;
}

export interface ExchangeDiff {
  readonly request: readonly DiffLine[];
  readonly response: readonly DiffLine[];
  readonly requestContent: readonly DiffLine[];
  readonly responseContent: readonly DiffLine[];
}

/** An exchange with its content as text, laid out alike on both sides; `null` where it is none. */
export interface DiffSide {
  readonly exchange: RecordedExchange;
  readonly requestText: string | null;
  readonly responseText: string | null;
}

/** From `a` to `b`. @throws never */
export function diffExchanges(a: DiffSide, b: DiffSide): ExchangeDiff {
  return {
    request: diffHeads(a.exchange.request, b.exchange.request, requestLine),
    response: diffHeads(a.exchange.response, b.exchange.response, statusLine),
    requestContent: diffContent(a.exchange.requestContent, a.requestText, b.exchange.requestContent, b.requestText),
    responseContent: diffContent(a.exchange.responseContent, a.responseText, b.exchange.responseContent, b.responseText),
  };
}

/** Lines of two texts, by as few differences as there are (Myers, An O(ND) Difference Algorithm, 1986). @throws never */
export function diffLines(a: readonly string[], b: readonly string[]): DiffLine[] {
  let start = 0;
  while (start < a.length && start < b.length && a[start] === b[start]) start += 1;
  let endA = a.length;
  let endB = b.length;
  while (endA > start && endB > start && a[endA - 1] === b[endB - 1]) {
    endA -= 1;
    endB -= 1;
  }
  const same = (text: string): DiffLine => line('same', text);
  return [...a.slice(0, start).map(same), ...shortestEdit(a.slice(start, endA), b.slice(start, endB)), ...a.slice(endA).map(same)];
}

function diffHeads<Head extends RecordedRequest | RecordedResponse>(
  a: Head | null,
  b: Head | null,
  firstLine: (head: Head) => string,
): DiffLine[] {
  const first = diffLines(a === null ? [] : [firstLine(a)], b === null ? [] : [firstLine(b)]);
  return [...first, ...diffFields(a?.fields ?? [], b?.fields ?? [])];
}

/** In the order of `a`; what only `b` has stands behind the last line of `a` of the same name, or at the end. */
function diffFields(a: RecordedFields, b: RecordedFields): DiffLine[] {
  const left = new Map<string, RecordedFields[number][]>();
  for (const field of b) left.set(lower(field), [...(left.get(lower(field)) ?? []), field]);
  const result: DiffLine[] = [];
  for (const [i, field] of a.entries()) {
    const candidates = left.get(lower(field)) ?? [];
    const at = candidates.findIndex(([, value]) => value === field[1]);
    if (at !== -1) candidates.splice(at, 1);
    result.push(line(at === -1 ? 'removed' : 'same', fieldLine(field)));
    if (a.slice(i + 1).some((later) => lower(later) === lower(field))) continue;
    result.push(...candidates.map((each) => line('added', fieldLine(each))));
    left.delete(lower(field));
  }
  return [...result, ...[...left.values()].flat().map((field) => line('added', fieldLine(field)))];
}

function diffContent(a: RecordedContent | null, textA: string | null, b: RecordedContent | null, textB: string | null): DiffLine[] {
  if (textA !== null && textB !== null) return diffLines(linesOf(textA), linesOf(textB));
  return diffLines(a === null ? [] : [contentLine(a)], b === null ? [] : [contentLine(b)]);
}

/** Content that is no text is the same or is not. */
function contentLine({ length, digest, isComplete }: RecordedContent): string {
  const name = digest === null ? '' : `, SHA-256 ${digest}`;
  return `${length} octets${isComplete ? '' : ', broken off'}${name}`;
}

function linesOf(text: string): string[] {
  const lines = text.split('\n', MAX_LINES + 1);
  return lines.length > MAX_LINES ? [...lines.slice(0, MAX_LINES), '…'] : lines;
}

function shortestEdit(a: readonly string[], b: readonly string[]): DiffLine[] {
  const trace = furthestPaths(a, b);
  if (trace === null) return [...a.map((text) => line('removed', text)), ...b.map((text) => line('added', text))];
  const backwards: DiffLine[] = [];
  let x = a.length;
  let y = b.length;
  for (let d = trace.length - 1; d >= 0; d -= 1) {
    const furthest = trace[d]!;
    const k = x - y;
    const isDown = k === -d || (k !== d && furthest[k - 1 + d]! < furthest[k + 1 + d]!);
    const fromK = isDown ? k + 1 : k - 1;
    const fromX = d === 0 ? 0 : furthest[fromK + d]!;
    const fromY = d === 0 ? 0 : fromX - fromK;
    while (x > fromX && y > fromY) {
      x -= 1;
      y -= 1;
      backwards.push(line('same', a[x]!));
    }
    if (d === 0) break;
    backwards.push(isDown ? line('added', b[fromY]!) : line('removed', a[fromX]!));
    x = fromX;
    y = fromY;
  }
  return backwards.reverse();
}

/**
 * For each number of differences, how far each diagonal had come before the last one: the entry of diagonal k at k + d.
 *
 * @returns `null` where there are more than are looked for
 */
function furthestPaths(a: readonly string[], b: readonly string[]): Int32Array[] | null {
  const trace: Int32Array[] = [];
  const most = Math.min(a.length + b.length, MAX_DIFFERENCES);
  const furthest = new Int32Array(2 * most + 3);
  const middle = most + 1;
  for (let d = 0; d <= most; d += 1) {
    trace.push(furthest.slice(middle - d, middle + d + 1));
    for (let k = -d; k <= d; k += 2) {
      const isDown = k === -d || (k !== d && furthest[middle + k - 1]! < furthest[middle + k + 1]!);
      let x = isDown ? furthest[middle + k + 1]! : furthest[middle + k - 1]! + 1;
      while (x < a.length && x - k < b.length && a[x] === b[x - k]) x += 1;
      furthest[middle + k] = x;
      if (x >= a.length && x - k >= b.length) return trace;
    }
  }
  return null;
}

function line(kind: DiffLine['kind'], text: string): DiffLine {
  return { kind, text: text.length > MAX_LINE ? `${text.slice(0, MAX_LINE)}…` : text };
}

function requestLine({ method, target, version }: RecordedRequest): string {
  return `${method} ${readableText(target)} HTTP/${version}`;
}

function statusLine({ status, reason, version }: RecordedResponse): string {
  return `HTTP/${version} ${status}${reason === '' ? '' : ` ${readableText(reason)}`}`;
}

function fieldLine([name, value]: RecordedFields[number]): string {
  return `${name}: ${readableText(value)}`;
}

function lower([name]: RecordedFields[number]): string {
  return name.toLowerCase();
}

const MAX_LINES = 20_000;
const MAX_DIFFERENCES = 1_500;
const MAX_LINE = 2_000;
