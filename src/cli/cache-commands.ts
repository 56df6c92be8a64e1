// Owns the `cache` part of the command table: what each of its commands takes and what its help says.
import type { Command, Flag } from './command.ts';
import { PROXY_FLAGS } from './shared-flags.ts';

const JSON_FLAG: Flag = { value: null, text: 'print JSON' };
const USER_FLAG: Flag = { value: 'NAME', text: 'who asks, where a rule keeps what users fetched apart' };
const WHOM = 'The running proxy is asked. When none runs, the folder on disk is opened: cache.folder in the settings.';

export const CACHE_COMMANDS: readonly Command[] = [
  {
    name: 'cache why',
    summary: 'Say what a request would get from the cache, and why',
    operands: 'URL',
    leastOperands: 1,
    mostOperands: 1,
    flags: {
      field: { value: "'Name: value'", repeats: true, short: 'H', text: 'a field of the request' },
      method: { value: 'METHOD', text: 'GET if not given' },
      user: USER_FLAG,
      json: JSON_FLAG,
      ...PROXY_FLAGS,
    },
    details: [
      'It says what is stored under the key of the URL, which of it was chosen, how old that is and how long it stays fresh, what the decision is ' +
        'and by which section of RFC 9111, what became of the last response if the proxy still knows it, and the smallest change at the origin ' +
        'that would make it a hit.',
      `Nothing is fetched, and nothing changes. ${WHOM} A folder does not know the policy, whose rules may change the key, nor what became of the ` +
        'last response.',
    ],
    examples: [
      ['sallyport cache why http://deb.debian.org/debian/dists/stable/InRelease', 'As a request without any field would find it.'],
      ["sallyport cache why http://example.com/ -H 'Accept-Language: de'", 'With a field that Vary may name.'],
    ],
    perform: async (given, terminal) => (await import('./cache-why.ts')).whyCached(given, terminal),
  },
  {
    name: 'cache stats',
    summary: 'Say how much is stored',
    operands: '',
    leastOperands: 0,
    mostOperands: 0,
    flags: { json: JSON_FLAG, ...PROXY_FLAGS },
    details: [`Counts of what was evicted, refused and found damaged begin with the process. ${WHOM}`],
    examples: [['sallyport cache stats', 'In a few lines.']],
    perform: async (given, terminal) => (await import('./cache-contents.ts')).cacheStats(given, terminal),
  },
  {
    name: 'cache list',
    summary: 'List what is stored',
    operands: '[PATTERN]',
    leastOperands: 0,
    mostOperands: 1,
    flags: { json: { value: null, text: 'print JSON, one line for each' }, ...PROXY_FLAGS },
    details: [
      'A line for each stored response: status, size, how long it stays fresh, URL. PATTERN is about the whole URL; * in it stands for any ' +
        `characters. They come in no order. ${WHOM}`,
    ],
    examples: [
      ["sallyport cache list 'http://deb.debian.org/*'", 'All of one host; the quotes keep the shell out of it.'],
      ['sallyport cache list --json | jq -r .url', 'For scripts.'],
    ],
    perform: async (given, terminal) => (await import('./cache-contents.ts')).listCache(given, terminal),
  },
  {
    name: 'cache show',
    summary: 'Show the stored responses of a URL, with their fields',
    operands: 'URL',
    leastOperands: 1,
    mostOperands: 1,
    flags: { user: USER_FLAG, json: JSON_FLAG, ...PROXY_FLAGS },
    details: [`Of each variant: status, size, age, what it was selected by, tags and fields. Exits 1 when there is none. ${WHOM}`],
    examples: [['sallyport cache show http://example.com/', 'Everything stored for it.']],
    perform: async (given, terminal) => (await import('./cache-contents.ts')).showCached(given, terminal),
  },
  {
    name: 'cache purge',
    summary: 'Forget stored responses',
    operands: '[URL|PATTERN]',
    leastOperands: 0,
    mostOperands: 1,
    flags: {
      tag: { value: 'TAG', text: 'those whose origin gave them this tag (Surrogate-Key, Cache-Tag)' },
      all: { value: null, text: 'everything' },
      ...PROXY_FLAGS,
    },
    details: [
      'A URL means all its variants, for all users; with a * it is a PATTERN about whole URLs. Once this has said how many there were, no request ' +
        'is answered with any of them. Where several proxies share a folder, each is told by itself: another one may have some in its memory. ' +
        WHOM,
    ],
    examples: [
      ['sallyport cache purge http://example.com/logo.png', 'One URL.'],
      ["sallyport cache purge 'http://example.com/news/*'", 'All below it.'],
      ['sallyport cache purge --tag article-17', 'What its origin has tagged so.'],
    ],
    perform: async (given, terminal) => (await import('./cache-purge.ts')).purgeCache(given, terminal),
  },
  {
    name: 'cache verify',
    summary: 'Read everything that is stored, and remove what is damaged',
    operands: '',
    leastOperands: 0,
    mostOperands: 0,
    flags: { json: JSON_FLAG, ...PROXY_FLAGS },
    details: [
      `Every octet is read and held against its checksum, and what does not pass is removed. Exits 1 when there was any. ${WHOM} Requests notice ` +
        'what is damaged without this, too, and are not answered with it.',
    ],
    examples: [['sallyport cache verify', 'After a disk has failed, say.']],
    perform: async (given, terminal) => (await import('./cache-contents.ts')).verifyCache(given, terminal),
  },
];
