// Owns how a terminal shows recorded content: what is text as its lines, with control characters escaped, a form as its rows, a message of protobuf as
// its tree; a message of a WebSocket as one line. What is neither is told of in one line; so is what is too long for a terminal, which the inspector shows as a whole.
import type { ContentView, TreeNode } from '../flows/content/content-view.ts';
import type { RecordedMessage } from '../flows/recorded.ts';
import { sizeText } from '../match/units.ts';
import { timeText } from './flows-words.ts';
import { oneLine } from './terminal.ts';

/** @param view  `null` where there is no content */
export function contentLines(view: ContentView | null): readonly string[] {
  if (view === null || (view.decoded.length === 0 && view.problem === null)) return [];
  const lines = linesOf(view);
  return [
    ...lines.slice(0, MOST_LINES).map((line) => oneLine(line.length > LONGEST_LINE ? `${line.slice(0, LONGEST_LINE)} ...` : line)),
    ...(lines.length > MOST_LINES ? [`(${lines.length - MOST_LINES} lines more: the inspector shows them)`] : []),
    ...(view.problem === null ? [] : [oneLine(`(${view.problem})`)]),
  ];
}

/**
 * `> 12:34:56.789  text  36 B  hello`: what a client sent begins with >, what it was sent with <.
 *
 * @param total  how many there are; the first of them may be all that is given
 */
export function messageLines(messages: readonly RecordedMessage[], total: number): readonly string[] {
  const missing = total - messages.length;
  return [
    ...messages.map(messageLine),
    ...(missing > 0 ? [`(${missing} ${missing === 1 ? 'message' : 'messages'} more: the inspector shows them)`] : []),
  ];
}

function messageLine({ direction, kind, atMs, length, closeCode, preview, problem, fate }: RecordedMessage): string {
  const octets = Buffer.from(preview, 'base64');
  const shown = kind === 'binary' ? octets.subarray(0, 32).toString('hex') : octets.toString('utf8');
  const what = [kind, closeCode, fate === undefined ? null : `${fate.how}, message ${fate.of}`].filter((each) => each !== null).join(' ');
  const columns = [`${direction === 'from-client' ? '>' : '<'} ${timeText(atMs)}`, what, sizeText(length), shown];
  return oneLine([...columns, ...(problem === null ? [] : [`(${problem})`])].join('  '));
}

function linesOf(view: ContentView): readonly string[] {
  const { kind, text, rows, parts, tree, decoded } = view;
  if (parts !== undefined) return parts.flatMap((part) => [`[${part.title ?? part.kind}]`, ...linesOf(part)]);
  if (rows !== undefined) return rows.map(([name, value]) => `${name}: ${value}`);
  if (tree !== undefined) return treeLines(tree, '');
  if (text !== undefined && kind !== 'hex') return text.replace(/\n$/, '').split('\n');
  return [`(${sizeText(decoded.length)}, ${kind === 'hex' ? 'binary' : kind}: the inspector shows it)`];
}

function treeLines(nodes: readonly TreeNode[], indent: string): readonly string[] {
  return nodes.flatMap(({ name, value, note, children = [] }) => [
    `${indent}${name}${value === undefined ? '' : `: ${value}`}${note === undefined ? '' : ` (${note})`}`,
    ...treeLines(children, `${indent}  `),
  ]);
}

const MOST_LINES = 200;
const LONGEST_LINE = 2_000;
