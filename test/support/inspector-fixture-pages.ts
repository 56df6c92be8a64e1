// Owns what the made-up proxy behind the inspector's page says of itself: its status, policy, cache, rules, breakpoints, clients and sessions.
import type {
  Breakpoints,
  CacheEntry,
  CacheStats,
  Certificates,
  Client,
  Explained,
  HostRow,
  Overview,
  OverviewPoint,
  Policy,
  PolicyRule,
  Rules,
  Session,
  Status,
} from '../../src/inspector/ui/wire.ts';
import { fixtureSteps } from './inspector-fixture-details.ts';

export function fixtureStatus(nowMs: number, exchanges: number, perSecond: number): Status {
  return {
    ...{ version: '0.1.0', startedAtMs: nowMs - 5_400_000, listeners: ['127.0.0.1:8080'], policy: '/etc/sallyport/office.yaml' },
    session: { name: 'default', exchanges, bytes: 812_331_008 },
    ...{ isRecording: true, dropped: { contents: 0, exchanges: 0 }, secrets: 'masked', perSecond, active: 7 },
  };
}

export function fixturePolicy(nowMs: number): Policy {
  const rule = (number: number, name: string | null, action: string, line: number, text: string, hits: number): PolicyRule => ({
    ...{ number, name, action, file: 'office.yaml', line, text, hits, lastHitMs: hits === 0 ? null : nowMs - 60_000 / (hits + 1) },
  });
  return {
    file: '/etc/sallyport/office.yaml',
    default: 'deny',
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
    action: isDenied ? 'deny' : 'allow',
    sentence: isDenied ? "denied by rule 'Adverts' (office.yaml:18)" : "allowed by rule 'Office sites' (office.yaml:12)",
    steps: fixtureSteps(isDenied),
  };
}

export function fixtureOverview(nowMs: number): Overview {
  const points = Array.from({ length: 120 }, (_, index): OverviewPoint => {
    const swing = 40 + 30 * Math.sin(index / 9) + 14 * Math.sin(index * 1.7) + (index > 80 ? 25 : 0);
    const exchanges = Math.max(2, Math.round(swing));
    const bytes = exchanges * 21_000 + 200_000 * (1 + Math.sin(index / 5));
    return {
      ...{ atMs: nowMs - (120 - index) * 30_000, exchanges, denied: Math.round(exchanges * 0.07), failed: index % 17 === 0 ? 4 : 0 },
      ...{ hits: Math.round(exchanges * 0.24), bytes, savedBytes: bytes * 0.31 },
    };
  });
  const sum = (of: (point: OverviewPoint) => number) => points.reduce((total, point) => total + of(point), 0);
  return {
    ...{ sinceMs: nowMs - 5_400_000, stepMs: 30_000, points, hosts: fixtureHosts },
    totals: {
      ...{ exchanges: sum((point) => point.exchanges), denied: sum((point) => point.denied), failed: sum((point) => point.failed) },
      ...{ hits: sum((point) => point.hits), bytes: sum((point) => point.bytes), savedBytes: sum((point) => point.savedBytes) },
      ...{ p50Ms: 41, p95Ms: 612 },
    },
  };
}

const fixtureHosts: readonly HostRow[] = [
  { host: 'shop.example', exchanges: 31_201, denied: 0, failed: 121, bytes: 911_204_112 },
  { host: 'api.shop.example', exchanges: 20_113, denied: 0, failed: 310, bytes: 61_204_112 },
  { host: 'cdn.shop.example', exchanges: 14_020, denied: 0, failed: 4, bytes: 2_411_204_112 },
  { host: 'images.shop.example', exchanges: 9_511, denied: 0, failed: 9, bytes: 611_204_112 },
  { host: 'ads.tracker.example', exchanges: 6_120, denied: 6_120, failed: 0, bytes: 17_204_112 },
  { host: 'login.example', exchanges: 1_402, denied: 0, failed: 2, bytes: 1_204_112 },
  { host: 'news.example', exchanges: 1_120, denied: 12, failed: 0, bytes: 71_204_112 },
];

export const fixtureCacheStats: CacheStats = {
  ...{ entries: 4_120, bytes: 311_427_072, maxBytes: 1_073_741_824 },
  answers: { hits: 24_310, validated: 3_120, misses: 41_208, savedBytes: 1_811_939_328 },
};

export const fixtureCacheEntries: readonly CacheEntry[] = Array.from({ length: 60 }, (_, n) => ({
  url: `https://cdn.shop.example/assets/chunk.${(n * 7919).toString(16)}.js`,
  ...{ partition: n % 9 === 0 ? 'user=ada' : null, status: n % 13 === 0 ? 301 : 200, bytes: 2_000 + n * 4_111, isComplete: n % 11 !== 0 },
  ...{ isFresh: n % 4 !== 0, ageSeconds: 40 * n, lifetimeSeconds: n % 4 !== 0 ? 86_400 : 30 },
}));

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
      },
    ],
  };
}

export function fixtureClients(nowMs: number): readonly Client[] {
  return [
    {
      address: '127.0.0.1',
      users: ['ada'],
      agents: ['Chrome 148 on Linux', 'curl 8.14'],
      exchanges: 61_204,
      denied: 4_100,
      failed: 611,
      bytes: 1_911_204_112,
      lastSeenMs: nowMs - 800,
    },
    {
      address: '192.168.1.20',
      users: ['ada', 'grace'],
      agents: ['Firefox 150 on Windows'],
      exchanges: 21_400,
      denied: 1_020,
      failed: 40,
      bytes: 611_204_112,
      lastSeenMs: nowMs - 31_000,
    },
    {
      address: '[fd00::12]',
      users: [],
      agents: ['okhttp 5.1'],
      exchanges: 811,
      denied: 0,
      failed: 2,
      bytes: 11_204_112,
      lastSeenMs: nowMs - 3_600_000,
    },
  ];
}

export function fixtureCertificates(nowMs: number): Certificates {
  return {
    ca: {
      subject: 'CN=Sallyport CA of ada, O=Sallyport',
      fingerprint256: '5A:91:0C:77:'.repeat(8).slice(0, -1),
      ...{ validFromMs: nowMs - 86_400_000 * 20, validToMs: nowMs + 86_400_000 * 800, file: '/home/ada/.local/share/sallyport/ca.pem' },
    },
    onboarding: 'http://sallyport.invalid/',
    pinned: [{ client: '192.168.1.31', host: 'push.phone.example', sinceMs: nowMs - 900_000, evidence: 'it sent the alert unknown_ca' }],
  };
}

export function fixtureSessions(nowMs: number): Session[] {
  return [
    {
      name: 'default',
      isCurrent: true,
      isReadOnly: false,
      exchanges: 100_000,
      bytes: 812_331_008,
      firstMs: nowMs - 5_400_000,
      lastMs: nowMs,
    },
    {
      name: 'checkout-bug',
      isCurrent: false,
      isReadOnly: false,
      exchanges: 1_204,
      bytes: 22_331_008,
      firstMs: nowMs - 86_400_000,
      lastMs: nowMs - 82_000_000,
    },
    {
      name: 'from-grace',
      isCurrent: false,
      isReadOnly: true,
      exchanges: 88,
      bytes: 331_008,
      firstMs: nowMs - 186_400_000,
      lastMs: nowMs - 186_000_000,
    },
  ];
}
