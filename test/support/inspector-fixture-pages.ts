// Owns what the made-up proxy behind the inspector's page says of itself: its status, policy, cache, rules, breakpoints, clients and sessions.
import type { NamedCounts, Overview, SecondCounts, SessionFacts } from '../../src/flows/store/protocol.ts';
import type {
  Breakpoints,
  CacheEntry,
  CacheStats,
  Certificates,
  Explained,
  Policy,
  PolicyRule,
  Rules,
  Status,
  StoredResponseEntry,
} from '../../src/inspector/ui/wire.ts';
import { fixtureSteps } from './inspector-fixture-details.ts';

export function fixtureStatus(nowMs: number, exchanges: number): Status {
  return {
    ...{
      version: '0.1.0',
      node: '26.10.0',
      startedAtMs: nowMs - 5_400_000,
      listening: ['http://127.0.0.1:8080'],
      policy: 'office.yaml: 6 rules, 14 tests',
    },
    ...{ openConnections: 17, secrets: 'masked', dropped: { contents: 0, exchanges: 0, messages: 0 } },
    recording: {
      ...{ session: 'default', problem: null, exchanges, bytes: 812_331_008, maxBytes: 2_147_483_648, segments: 13, damaged: 0, lost: 0 },
    },
  };
}

export function fixturePolicy(nowMs: number): Policy {
  const rule = (number: number, name: string | null, action: string, line: number, text: string, hits: number): PolicyRule => ({
    ...{ number, name, action, file: 'office.yaml', line, text, hits, lastHitMs: hits === 0 ? null : nowMs - 60_000 / (hits + 1) },
  });
  return {
    file: '/etc/sallyport/office.yaml',
    default: { action: 'deny', file: 'office.yaml', line: 3, hits: 5_311, lastHitMs: nowMs - 4_000 },
    tests: 14,
    rules: [
      rule(1, 'No uploads', 'deny', 6, 'deny: { method: [PUT, POST], host: under(example), content_length: "> 10MB" }', 3),
      rule(2, 'Adverts', 'deny', 18, 'deny: { host: list(adverts.txt) }', 4_811),
      rule(3, 'Office sites', 'allow', 12, 'allow: { host: under(example) }', 81_022),
      rule(4, 'Banks stay closed', 'tunnel', 24, 'tunnel: { host: list(banks.txt) }', 911),
      rule(5, 'Look inside', 'intercept', 31, 'intercept: { host: under(shop.example) }', 2_204),
      rule(6, null, 'deny', 36, 'deny: { host: under(games.example), time: Mon-Fri 09:00-17:00 }', 0),
    ],
  };
}

export function fixtureExplained(url: string): Explained {
  const isDenied = url.includes('ads.');
  return {
    ...{ verdict: isDenied ? 'deny' : 'allow', place: isDenied ? 'office.yaml:18' : 'office.yaml:12', awaits: null },
    sentence: isDenied ? "denied by rule 'Adverts' (office.yaml:18)" : "allowed by rule 'Office sites' (office.yaml:12)",
    steps: fixtureSteps(isDenied),
  };
}

export function fixtureOverview(nowMs: number): Overview {
  const now = Math.floor(nowMs / 1_000);
  const seconds = Array.from({ length: 600 }, (_, index): SecondCounts => {
    const second = now - 600 + index;
    const swing = 40 + 30 * Math.sin(second / 45) + 14 * Math.sin(second / 3) + (index > 400 ? 25 : 0);
    const exchanges = Math.max(2, Math.round(swing));
    const hits = Math.round(exchanges * (0.24 + 0.05 * Math.sin(second / 20)));
    const bytes = exchanges * 21_000 + 200_000 * (1 + Math.sin(second / 25));
    return { second, exchanges, denied: Math.round(exchanges * 0.07), failed: second % 31 === 0 ? 12 : 0, hits, bytes };
  });
  return {
    sinceMs: nowMs - 20 * 3_600_000,
    ...{ exchanges: 100_000, denied: 11_622, failed: 2_810, hits: 17_430, bytes: 4_111_204_112, savedBytes: 1_811_939_328, seconds },
    statuses: [120, 1_506, 78_004, 3_900, 14_811, 1_659],
    hosts: HOSTS.map(([name, exchanges, denied, bytes]) => ({ name, exchanges, denied, bytes })),
    ...fixtureClients(),
    types: TYPES.map(([name, exchanges, bytes]) => ({ name, exchanges, denied: 0, bytes })),
  };
}

const HOSTS: readonly (readonly [string, number, number, number])[] = [
  ['shop.example', 31_201, 0, 911_204_112],
  ['api.shop.example', 20_113, 0, 61_204_112],
  ['cdn.shop.example', 14_020, 0, 2_411_204_112],
  ['images.shop.example', 9_511, 0, 611_204_112],
  ['ads.tracker.example', 6_311, 6_311, 17_204_112],
  ['pixel.metrics.example', 5_311, 5_311, 9_204_112],
  ['login.example', 1_402, 0, 1_204_112],
  ['news.example', 1_120, 12, 71_204_112],
];
const TYPES: readonly (readonly [string, number, number])[] = [
  ['text/html', 40_120, 1_811_204_112],
  ['application/json', 22_311, 61_204_112],
  ['text/javascript', 12_020, 2_411_204_112],
  ['image/webp', 9_511, 611_204_112],
  ['video/mp2t', 2_111, 6_017_204_112],
];

export const fixtureCacheStats: CacheStats = {
  ...{ entries: 4_120, evictions: 81 },
  tiers: {
    memory: { entries: 611, bytes: 211_427_072, maxBytes: 268_435_456 },
    disk: { entries: 4_120, bytes: 311_427_072, maxBytes: 1_073_741_824 },
  },
  answers: {
    hits: 24_310,
    validated: 3_120,
    stale: 4,
    collapsed: 311,
    forwarded: 41_208,
    unanswered: 2,
    bytes: 5_911_939_328,
    bytesReused: 1_811_939_328,
  },
};

export const fixtureCacheEntries: readonly CacheEntry[] = Array.from({ length: 60 }, (_, n) => ({
  url: `https://cdn.shop.example/assets/chunk.${(n * 7919).toString(16)}.js`,
  ...{ partition: n % 9 === 0 ? 'user=ada' : null, status: n % 13 === 0 ? 301 : 200, bytes: 2_000 + n * 4_111, isComplete: n % 11 !== 0 },
  ...{ isFresh: n % 4 !== 0, ageSeconds: 40 * n, lifetimeSeconds: n % 4 !== 0 ? 86_400 : 30 },
  ...{ selectedBy: n % 2 === 0 ? [{ name: 'accept-encoding', value: 'br' }] : [], tags: n % 2 === 0 ? ['assets', 'release-81'] : [] },
}));

export function fixtureStored(url: string | null): readonly StoredResponseEntry[] {
  return fixtureCacheEntries
    .filter((entry) => entry.url === url)
    .map((entry) => ({
      ...entry,
      ...{ reason: 'OK', extent: { first: 0, length: entry.bytes, completeLength: entry.bytes }, storedAtMs: 1_760_000_000_000 },
      ...{ isInvalidated: false, isFromAuthorized: false, origin: { address: '203.0.113.8', port: 443 } },
      arithmetic: `age ${entry.ageSeconds} s = 0 s as received + ${entry.ageSeconds} s here; lifetime ${entry.lifetimeSeconds} s from max-age`,
      fields: [
        { name: 'Content-Type', value: 'text/javascript' },
        { name: 'Cache-Control', value: 'max-age=86400' },
        { name: 'Vary', value: 'Accept-Encoding' },
      ],
    }));
}

export const FIXTURE_RULES = `# What the proxy changes on the way. Rules run from top to bottom.
version: 1
rules:
  - name: Local copy of the app
    match: host:shop.example & path:/assets/
    map_local: ./site
  - name: Fields
    match: host:api.shop.example
    set:
      request: { X-Debug: "1" }
  - name: Down
    match: host:api.shop.example & path:/v2/cart
    answer: { status: 503, body: "Back soon." }
    on: false
  - name: Slow
    match: host:video.example
    delay: 400ms
    throttle: 3g
`;

export function fixtureRules(text: string, nowMs: number): Rules {
  const lines = text.split('\n');
  const starts = lines.flatMap((line, index) => (/^ {2}- name: /.test(line) ? [index] : []));
  const rules = starts.map((start, index) => {
    const own = lines.slice(start, starts[index + 1] ?? lines.length);
    const does = own.flatMap((line) => /^ {4}(map_local|map_remote|set|remove|replace|answer|delay|throttle|fail):/.exec(line)?.[1] ?? []);
    return {
      ...{ name: own[0]!.slice(10), line: start + 1, isOn: !own.includes('    on: false'), does },
      match: own.find((line) => line.includes('match: '))?.slice(11) ?? '',
      ...{ touched: index * 37, lastTouchedMs: index === 0 ? null : nowMs - index * 120_000 },
    };
  });
  const wrong = lines.findIndex((line) => /^ {4}(?!match|map_|set|remove|replace|answer|delay|throttle|fail|on)\w+:/.test(line));
  const problems =
    wrong < 0
      ? []
      : [{ line: wrong + 1, column: 5, message: `'${lines[wrong]!.trim().split(':')[0]}' is no key of a rule. Did you mean 'match'?` }];
  return { file: '/var/lib/sallyport/rewrite.yaml', text, rules, problems };
}

export function fixtureBreakpoints(nowMs: number): Breakpoints {
  return {
    breakpoints: [
      { filter: 'host:api.shop.example ~m POST', at: 'request', isOn: true },
      { filter: 'status:5xx', at: 'response', isOn: false },
    ],
    held: [
      {
        ...{
          number: 1,
          at: 'request',
          sinceMs: nowMs - 12_000,
          exchangeId: 99_990,
          method: 'POST',
          url: 'https://api.shop.example/v2/cart/items',
          status: null,
        },
        fields: [
          ['Host', 'api.shop.example'],
          ['Content-Type', 'application/json'],
          ['Accept', 'application/json'],
        ],
        content: Buffer.from('{"item":81,"count":2}').toString('base64'),
        hasContent: true,
      },
      {
        ...{
          number: 2,
          at: 'response',
          sinceMs: nowMs - 3_000,
          exchangeId: 99_991,
          method: 'GET',
          url: 'https://api.shop.example/v2/me',
          status: 500,
        },
        fields: [['Content-Type', 'application/json']],
        content: Buffer.from('{"error":"unknown"}').toString('base64'),
        hasContent: true,
      },
    ],
  };
}

export function fixtureClients(): { readonly clients: readonly NamedCounts[]; readonly users: readonly NamedCounts[] } {
  return {
    clients: [
      { name: '127.0.0.1', exchanges: 61_204, denied: 4_100, bytes: 1_911_204_112 },
      { name: '192.168.1.20', exchanges: 21_400, denied: 1_020, bytes: 611_204_112 },
      { name: '[fd00::12]', exchanges: 811, denied: 0, bytes: 11_204_112 },
    ],
    users: [
      { name: 'ada', exchanges: 60_110, denied: 4_001, bytes: 1_711_204_112 },
      { name: 'grace', exchanges: 9_400, denied: 0, bytes: 211_204_112 },
    ],
  };
}

export function fixtureCertificates(nowMs: number): Certificates {
  const onLinux = [
    {
      text: 'Put the certificate where the system looks for others.',
      command: 'sudo cp sallyport-ca.crt /usr/local/share/ca-certificates/',
    },
    { text: 'Let it be taken up.', command: 'sudo update-ca-certificates' },
  ];
  const byHand = [{ text: 'Open the file, choose Install Certificate, then Trusted Root Certification Authorities.', command: null }];
  return {
    subject: 'CN=Sallyport CA of ada, O=Sallyport',
    fingerprint256: '5A:91:0C:77:'.repeat(8).slice(0, -1),
    ...{ notBeforeMs: nowMs - 86_400_000 * 20, notAfterMs: nowMs + 86_400_000 * 800 },
    pem: '-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n',
    steps: [
      {
        platform: 'Linux',
        path: '/certificate.crt',
        trust: onLinux,
        remove: onLinux.slice(1),
        note: 'Firefox and Chromium have stores of their own.',
      },
      { platform: 'Windows', path: '/certificate.cer', trust: byHand, remove: byHand, note: null },
    ],
  };
}

export function fixtureSessions(nowMs: number): readonly SessionFacts[] {
  return [
    { name: 'default', isRecorded: true, isElsewhere: false, exchanges: 100_000, bytes: 812_331_008, changedAtMs: nowMs },
    { name: 'checkout-bug', isRecorded: false, isElsewhere: false, exchanges: 1_204, bytes: 22_331_008, changedAtMs: nowMs - 82_000_000 },
    { name: 'default-2', isRecorded: false, isElsewhere: true, exchanges: null, bytes: 331_008, changedAtMs: nowMs - 186_000_000 },
  ];
}
