// Owns asking an origin of the soak for one thing through the proxy, and judging what is answered, octet by octet, by what was asked for.
import { Comparison } from './content.ts';
import { type Head, MessageReader } from './message-reader.ts';
import { type Asked, contentOf, pathOf } from './names.ts';
import { BrokenError, type ProxyConnection } from './proxy-connection.ts';
import type { Outcome } from './tally.ts';

export interface Verdict {
  readonly outcome: Outcome;
  readonly words: string;
}

export interface JudgedAnswer extends Verdict {
  /** The nearest cache, which stands last, had it stored (RFC 9211 section 2.1). */
  readonly isHit: boolean;
  /** Nothing more can be asked on its connection. */
  readonly isLast: boolean;
}

/** @param framing of content that follows, as field lines */
export function requestHead(method: 'GET' | 'POST', asked: Asked, port: number, framing = ''): string {
  const path = pathOf(asked);
  return `${method} http://127.0.0.1:${port}${path} HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\nSoak-Name: ${path}\r\n${framing}\r\n`;
}

/** The next answer on a connection. */
export async function readAnswer(connection: ProxyConnection, asked: Asked): Promise<JudgedAnswer> {
  const seen = new Comparison(contentOf(asked));
  const found: { head: Head | null } = { head: null };
  const reader = new MessageReader(
    'response',
    (head) => {
      found.head = head;
    },
    (bytes) => seen.add(bytes),
  );
  const broken = await connection.read(reader).then(
    () => null,
    (error: Error) => error,
  );
  const { head } = found;
  return {
    ...judge(asked, head, seen, broken),
    isHit: /;\s*hit(?:;|$)/.test(head?.fields.get('cache-status') ?? ''),
    isLast: broken !== null || head?.fields.get('connection') === 'close',
  };
}

/** What has come to nothing before anything could be answered. */
export function unanswered(asked: Asked, broken: Error): Verdict {
  return judge(asked, null, new Comparison(contentOf(asked)), broken);
}

/** What became of an exchange. @param broken why it ended before the answer was whole */
function judge(asked: Asked, head: Head | null, seen: Comparison, broken: Error | null): Verdict {
  const words = `${pathOf(asked)}: ${head?.startLine ?? 'no head'}, ${seen.length} octets, wrong from ${seen.wrongFrom}, ${broken?.message ?? 'whole'}`;
  if (broken !== null && !(broken instanceof BrokenError)) return { outcome: 'wrong', words };
  const isError = head !== null && !head.startLine.startsWith('HTTP/1.1 200 ');
  if (isError) {
    const detail = head.fields.get('proxy-status') ?? '';
    return { outcome: broken !== null ? 'broken' : detail === '' ? 'wrong' : 'error', words: `${words}; ${detail}` };
  }
  // Even an answer that breaks off later must have begun as the right one.
  if (head !== null && (head.fields.get('soak-name') !== pathOf(asked) || seen.wrongFrom !== null)) return { outcome: 'wrong', words };
  if (broken !== null) return { outcome: 'broken', words };
  return { outcome: seen.isWhole ? 'right' : 'wrong', words };
}
