// Owns the vocabulary of the filter language: every word with what it means and an example. Parser, completion, matching and both help pages (of the
// inspector and of the command line) read it here. Words with `~` are those of mitmproxy, for fingers that know them; the others say the same in English.

/**
 * What stands behind a word. `nothing`: it is whole by itself. `pattern`: a regular expression of RE2, searched for without regard to case. `text`: any
 * text, quoted where it has blanks. `term`: a text that ends at `&`, `|` and parentheses, too. `number`, `size`, `duration`: one value (`200`), a
 * comparison (`>=400`) or a range (`400-499`); of a status a class (`4xx`), too. `choice`: one of `choices`.
 */
export type ValueForm = 'nothing' | 'pattern' | 'text' | 'term' | 'number' | 'size' | 'duration' | 'status' | 'choice';

/** How much of an exchange has to be at hand: its row, its record, or the text of its content as well. */
export type Need = 'summary' | 'fields' | 'content';

export interface Word {
  /** As it is written: `~d`, `host:`. */
  readonly name: string;
  readonly value: ValueForm;
  readonly needs: Need;
  readonly meaning: string;
  readonly example: string;
  readonly choices?: Readonly<Record<string, string>>;
}

/** What `is:` asks for, and what it means. */
export const STATES = {
  hit: 'a stored response answered, and no origin was asked',
  miss: 'the cache was asked, and the origin answered',
  revalidated: 'a stored response answered once the origin had confirmed it',
  stale: 'a stored response answered although it was stale',
  stored: 'its response was put into the cache',
  denied: 'refused by the policy',
  allowed: 'the policy let it pass',
  reported: 'a rule on trial would have denied it',
  failed: 'it ended with an error',
  aborted: 'the client left before the end',
  pending: 'under way still',
  done: 'at its end',
  tunnel: 'a CONNECT',
  opened: 'a tunnel whose inside the proxy read',
  passed: 'a tunnel that was looked into and left closed',
  refused: 'a tunnel that was looked into and ended',
  inside: 'it came out of an opened tunnel',
  websocket: 'a WebSocket',
  sse: 'server-sent events',
  replayed: 'it repeats another exchange',
  rewritten: 'a rewriting rule touched it',
  held: 'a breakpoint held it',
  slow: 'it took longer than a second',
} as const satisfies Readonly<Record<string, string>>;

export type StateName = keyof typeof STATES;

const DECISIONS = { allow: 'let through', deny: 'refused', tunnel: 'passed as a tunnel', intercept: 'opened' } as const;

const CACHE_OUTCOMES = {
  hit: 'answered from the store',
  validated: 'answered from the store, once the origin had confirmed it',
  stale: 'answered from the store, stale',
  forwarded: 'answered by the origin',
  none: 'nothing stored could answer, and no origin was to be asked',
} as const;

const SCHEMES = { http: 'in clear', https: 'out of an opened tunnel', tunnel: 'a CONNECT' } as const;

/** In the order in which they are shown. */
export const WORDS = [
  word('host:', 'term', 'summary', 'the host, and all below it; with a port only that', 'host:example.com'),
  word('path:', 'text', 'summary', 'the path with its query: begins so if it starts with a slash, else has it somewhere', 'path:/api/'),
  word('url:', 'text', 'summary', 'the URL has this text', 'url:utm_source'),
  word('method:', 'term', 'summary', 'the request method', 'method:POST'),
  word('status:', 'status', 'summary', 'the status: one, a class, a comparison or a range', 'status:5xx'),
  word('type:', 'term', 'summary', 'the media type of the response has this text', 'type:json'),
  word('is:', 'choice', 'summary', 'what it is, or what became of it', 'is:denied', STATES),
  word('decision:', 'choice', 'summary', 'what the policy decided', 'decision:deny', DECISIONS),
  word('rule:', 'text', 'summary', 'the rule of the policy that decided, by its name or file:line', 'rule:"No trackers"'),
  word('touched:', 'text', 'summary', 'the rewriting rule, by its name, that touched it', 'touched:"Local copy"'),
  word('cache:', 'choice', 'summary', 'how the cache answered', 'cache:hit', CACHE_OUTCOMES),
  word('error:', 'term', 'summary', 'the code of its error (RFC 9209) has this text', 'error:timeout'),
  word('client:', 'term', 'summary', "the client's address, or its beginning up to a dot or colon", 'client:192.168.'),
  word('user:', 'text', 'summary', 'the user', 'user:alice'),
  word('scheme:', 'choice', 'summary', 'the scheme', 'scheme:https', SCHEMES),
  word('port:', 'number', 'summary', 'the port of the host', 'port:8443'),
  word('size:', 'size', 'summary', 'octets of content, both ways together', 'size:>1MiB'),
  word('time:', 'duration', 'summary', 'how long it took in all', 'time:>500ms'),
  word('id:', 'number', 'summary', 'its number', 'id:1200-1300'),
  word(
    'header:',
    'text',
    'fields',
    'a field of request or response: its name, or its name and a part of its value',
    'header:"content-type: json"',
  ),
  word('body:', 'text', 'content', 'the text of either content has this text', 'body:"not found"'),
  word('text:', 'text', 'content', 'URL, fields or content have this text', 'text:token'),
  word('~d', 'pattern', 'summary', 'the host', '~d example\\.com$'),
  word('~u', 'pattern', 'summary', 'the URL', '~u /v[0-9]+/'),
  word('~m', 'pattern', 'summary', 'the method', '~m "PUT|PATCH"'),
  word('~c', 'status', 'summary', 'the status', '~c 404'),
  word('~h', 'pattern', 'fields', 'a field line, name and value, of either', '~h "server: nginx"'),
  word('~hq', 'pattern', 'fields', 'a field line of the request', '~hq "^accept: .*json"'),
  word('~hs', 'pattern', 'fields', 'a field line of the response', '~hs ^set-cookie:'),
  word('~b', 'pattern', 'content', 'the text of either content', '~b error'),
  word('~bq', 'pattern', 'content', "the text of the request's content", '~bq password'),
  word('~bs', 'pattern', 'content', "the text of the response's content", '~bs "<title>"'),
  word('~t', 'pattern', 'fields', 'the media type of either', '~t json'),
  word('~tq', 'pattern', 'fields', "the media type of the request's content", '~tq form'),
  word('~ts', 'pattern', 'summary', "the media type of the response's content", '~ts ^image/'),
  word('~src', 'pattern', 'summary', "the client's address", '~src ^10\\.'),
  word('~dst', 'pattern', 'summary', 'host and port', '~dst :8443$'),
  word('~q', 'nothing', 'summary', 'there is no response', '~q'),
  word('~s', 'nothing', 'summary', 'there is a response', '~s'),
  word('~e', 'nothing', 'summary', 'there is an error', '~e'),
  word('~a', 'nothing', 'summary', 'what a page is made of: style sheets, scripts, images, fonts', '~a'),
  word('~http', 'nothing', 'summary', 'no tunnel', '~http'),
  word('~websocket', 'nothing', 'summary', 'a WebSocket', '~websocket'),
  word('~tcp', 'nothing', 'summary', 'a tunnel', '~tcp'),
  word('~replay', 'nothing', 'summary', 'it repeats another exchange', '~replay'),
  word('~all', 'nothing', 'summary', 'everything', '~all'),
] as const;

export type WordName = (typeof WORDS)[number]['name'];

export const WORD_BY_NAME: ReadonlyMap<string, Word> = new Map(WORDS.map((each) => [each.name, each]));

/** How words are put together, for the same pages. */
export const OPERATORS = [
  { name: '&', meaning: 'both; `and` and a blank say the same', example: 'host:example.com method:POST' },
  { name: '|', meaning: 'one of the two; `or` says the same', example: 'status:404 | status:410' },
  { name: '!', meaning: 'not so; `not` says the same', example: '!is:hit' },
  { name: '( )', meaning: 'this first; else ! comes before & and & before |', example: '(is:denied | is:failed) host:example.com' },
  {
    name: '" "',
    meaning: 'a text as it is, with blanks and all; a backslash goes before " and \\ in it',
    example: '"GET https://example.com/a b"',
  },
] as const;

/** What a text without a word means. */
export const BARE_TEXT = { meaning: 'method and URL have this text', example: 'login' } as const;

function word<Name extends string>(
  name: Name,
  value: ValueForm,
  needs: Need,
  meaning: string,
  example: string,
  choices?: Readonly<Record<string, string>>,
): Word & { readonly name: Name } {
  return choices === undefined ? { name, value, needs, meaning, example } : { name, value, needs, meaning, example, choices };
}
