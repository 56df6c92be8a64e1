// Owns what lies behind a made-up row: fields, contents, the story of the decision, certificates and messages, so that every part of the inspector's
// detail has something to show.

import type { ContentKind, ContentView } from '../../src/flows/content/content-view.ts';
import type { RecordedExchange, RecordedFields, RecordedMessage, Summary } from '../../src/flows/recorded.ts';
import type { Allowing, Diff, Why, WhyRule } from '../../src/inspector/ui/wire.ts';

export function fixtureExchange(row: Summary, reveal: boolean): RecordedExchange {
  const isDenied = row.outcome === 'denied';
  const wasSent = row.kind === 'exchange' && !isDenied && row.cache !== 'hit' && row.outcome !== 'failed';
  const asked = requestFields(row, reveal);
  const answered = responseFields(row);
  const request = { method: row.method, target: row.path === '' ? `${row.host}:${row.port}` : row.path, version: '1.1', fields: asked };
  return {
    summary: row,
    request,
    sent: wasSent ? { ...request, fields: onTheWay(asked) } : null,
    received: wasSent && row.status !== 0 ? { status: row.status, reason: '', version: '2', fields: answered } : null,
    response:
      row.status === 0 ? null : { status: row.status, reason: REASONS[row.status] ?? '', version: '1.1', fields: delivered(answered, row) },
    requestContent: row.requestBytes > 0 && row.kind === 'exchange' ? content(row.requestBytes) : null,
    responseContent: row.responseBytes > 0 && row.kind === 'exchange' ? content(row.responseBytes) : null,
    facts: facts(row),
  };
}

function requestFields(row: Summary, reveal: boolean): RecordedFields {
  const secret = (value: string) => (reveal ? value : `‹masked ${value.length} octets›`);
  return [
    ['Host', row.host],
    ['User-Agent', 'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/148.0.0.0 Safari/537.36'],
    ['Accept', row.contentType?.startsWith('image/') ? 'image/avif,image/webp,*/*' : 'text/html,application/json;q=0.9,*/*;q=0.8'],
    ['Accept-Language', 'en-GB,en;q=0.9,de;q=0.5'],
    ['Accept-Encoding', 'gzip, br, zstd'],
    ['Authorization', secret('Bearer eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiJhZGEifQ.c2ln')],
    ['Cookie', secret('session=4f1c9ab2; theme=dark')],
    ['Proxy-Connection', 'keep-alive'],
    ['Referer', `${row.scheme}://${row.host}/`],
    ...(row.requestBytes > 0
      ? ([
          ['Content-Type', 'application/json'],
          ['Content-Length', String(row.requestBytes)],
        ] as const)
      : []),
  ];
}

function onTheWay(fields: RecordedFields): RecordedFields {
  const kept = fields
    .filter(([name]) => name !== 'Proxy-Connection' && name !== 'Referer')
    .map(([name, value]) => (name === 'Accept-Encoding' ? ([name, 'gzip, br'] as const) : ([name, value] as const)));
  return [...kept, ['Via', '1.1 sallyport'], ['X-Debug', '1']];
}

function responseFields(row: Summary): RecordedFields {
  return [
    ['Date', new Date(row.startedAtMs).toUTCString()],
    ['Server', 'nginx'],
    ...(row.contentType === null ? [] : ([['Content-Type', row.contentType]] as const)),
    ['Content-Length', String(row.responseBytes)],
    ['Cache-Control', 'public, max-age=3600, stale-while-revalidate=60'],
    ['ETag', '"4f1c-91ab77"'],
    ['Vary', 'Accept-Encoding'],
    ['Strict-Transport-Security', 'max-age=31536000; includeSubDomains'],
    ['Alt-Svc', 'h3=":443"; ma=86400'],
  ];
}

function delivered(fields: RecordedFields, row: Summary): RecordedFields {
  const kept = fields.filter(([name]) => name !== 'Alt-Svc');
  return [
    ...kept,
    ['Via', '2 sallyport'],
    ['Cache-Status', row.cache === 'hit' ? 'sallyport; hit; ttl=3120' : 'sallyport; fwd=uri-miss; stored'],
  ];
}

function content(length: number): RecordedExchange['responseContent'] {
  return { length, kept: Math.min(length, 1_048_576), digest: 'a3'.repeat(32), isComplete: true, trailers: [] };
}

function facts(row: Summary): RecordedExchange['facts'] {
  const isSecure = row.scheme === 'https';
  return {
    connectionId: 77,
    clientPort: 51_234,
    listener: '127.0.0.1:8080',
    decision: {
      action: row.decision ?? 'allow',
      decidedBy: row.rule === null ? 'default' : 'rule',
      sentence:
        row.rule === null
          ? `${row.decision === 'deny' ? 'denied' : 'allowed'} by the default (office.yaml:3)`
          : `${row.decision === 'deny' ? 'denied' : 'allowed'} by rule '${row.rule}' (office.yaml:12)`,
      ...{
        file: '/etc/sallyport/office.yaml',
        line: 12,
        rule: row.rule,
        reported: row.reported > 0 ? ['No uploads'] : [],
        groups: ['staff'],
      },
      ...{ policyDigest: 'd1', question: {} },
    },
    hello:
      isSecure || row.kind === 'tunnel'
        ? { serverName: row.host, alpn: ['h2', 'http/1.1'], ja4: 't13d1516h2_8daaf6152771_d8a2da3f94cd' }
        : null,
    interceptionReason: row.interception === 'passed' ? 'the rule keeps it closed' : null,
    route: row.decision === 'deny' ? null : 'direct',
    judged: [
      { address: '203.0.113.14', allowed: true, reason: '' },
      { address: '10.0.0.8', allowed: false, reason: 'private (10.0.0.0/8)' },
    ],
    resolvedFrom: row.resolveMs === null ? 'cache' : 'resolver',
    upstreamAddress: row.decision === 'deny' ? null : '203.0.113.14',
    upstreamPort: row.port,
    reusedConnection: row.connectMs === null,
    upstreamProtocol: isSecure ? '2' : '1.1',
    originTls: isSecure && row.decision !== 'deny' ? originTls(row) : null,
    cache:
      row.cache === null
        ? null
        : {
            key: `GET ${row.scheme}://${row.host}${row.path}`,
            outcome: row.cache,
            isCollapsed: false,
            reuseWhy: row.cache === 'hit' ? 'it is fresh (RFC 9111 §4.2)' : 'nothing is stored',
            storing: 'stored',
            ttlSeconds: 3120,
            forwardStatus: 200,
          },
    errorMessage:
      row.error === null
        ? null
        : `${row.error === 'connection_refused' ? 'connection refused by' : 'no answer from'} 203.0.113.14:${row.port}`,
    changes: row.touched.map((rule) => ({ stage: 'request' as const, rule, what: 'set field X-Debug' })),
  };
}

function originTls(row: Summary): NonNullable<RecordedExchange['facts']['originTls']> {
  const names = `DNS:${row.host}, DNS:*.${row.host}`;
  return {
    version: 'TLSv1.3',
    isResumed: row.connectMs === null,
    acceptedFaults: [],
    certificate: {
      ...{
        subject: `CN=${row.host}`,
        issuer: 'C=XX\nO=Example Trust Services\nCN=Example Issuing CA R4',
        names,
        fingerprint256: 'AB:12:'.repeat(10).slice(0, -1),
      },
      ...{ validFromMs: row.startedAtMs - 30 * DAY_MS, validToMs: row.startedAtMs + 60 * DAY_MS },
      chain: [
        {
          subject: 'O=Example Trust Services\nCN=Example Issuing CA R4',
          issuer: 'O=Example Trust Services\nCN=Example Root',
          fingerprint256: 'CD:34:'.repeat(10).slice(0, -1),
        },
        {
          subject: 'O=Example Trust Services\nCN=Example Root',
          issuer: 'O=Example Trust Services\nCN=Example Root',
          fingerprint256: 'EF:56:'.repeat(10).slice(0, -1),
        },
      ],
    },
  };
}

export function fixtureContent(row: Summary, side: 'request' | 'response'): Buffer {
  if (side === 'request') return Buffer.from(JSON.stringify({ event: 'view', item: row.id, at: row.startedAtMs, tags: ['tea', 'cups'] }));
  const type = row.contentType ?? '';
  if (type.startsWith('image/')) return PNG;
  if (type.includes('json')) return Buffer.from(JSON.stringify(sampleJson(row)));
  if (type.includes('octet') || type.includes('video'))
    return Buffer.from(Array.from({ length: 4_096 }, (_, index) => (index * 31 + row.id) & 0xff));
  if (type.includes('html')) return Buffer.from(HTML);
  return Buffer.from(`/* ${row.host} */\nexport function add(a, b) {\n  return a + b;\n}\n`);
}

export function fixtureView(row: Summary, side: 'request' | 'response', as: ContentKind | null): ContentView {
  const octets = fixtureContent(row, side);
  const type = side === 'request' ? 'application/json' : (row.contentType ?? '');
  const decoded = { codings: side === 'response' ? ['br'] : [], charset: 'utf-8', length: octets.length, isCut: false };
  const kind = as ?? kindOf(type);
  const view = { kind, alternatives: ['json', 'text', 'form', 'hex'], decoded, problem: null };
  if (kind === 'image')
    return {
      ...view,
      alternatives: ['image', 'hex'],
      image: { type: 'image/png', base64: octets.toString('base64'), width: 2, height: 2 },
    };
  return {
    ...view,
    alternatives: [kindOf(type), 'hex'],
    text: kind === 'json' ? JSON.stringify(JSON.parse(octets.toString()), null, 2) : octets.toString(),
  };
}

function kindOf(type: string): ContentKind {
  if (type.startsWith('image/')) return 'image';
  if (type.includes('json')) return 'json';
  if (type.includes('html')) return 'html';
  if (type.includes('css')) return 'css';
  return type.includes('octet') || type.includes('video') || type.includes('grpc') ? 'hex' : 'javascript';
}

function sampleJson(row: Summary): unknown {
  const item = (n: number) => ({
    id: row.id * 10 + n,
    name: `Tea cup “Lyra” ${n}`,
    price: { amount: 18.5 + n, currency: 'EUR' },
    inStock: n % 3 !== 0,
    tags: ['porcelain', 'blue'],
  });
  return {
    page: 1,
    total: 248,
    next: null,
    html: '<b>text, never markup</b>',
    items: Array.from({ length: 8 }, (_, n) => item(n)),
    took: 0.0124,
  };
}

export function fixtureWhy(row: Summary): Why {
  const isDenied = row.decision === 'deny';
  const place = isDenied ? 'office.yaml:18' : 'office.yaml:12';
  return {
    policyChanged: false,
    cacheHint:
      row.cache === 'forwarded'
        ? 'The origin sends Set-Cookie with it. Without that field, the same answer would be a hit for 60 minutes.'
        : null,
    sentences: [
      {
        stage: 'identity',
        title: row.user === null ? 'Nobody' : `User ${row.user}`,
        text: row.user === null ? 'No credentials were asked for.' : 'Believed by local users; remembered for 5 minutes.',
        detail: [`client ${row.client}:51234`, 'groups: staff'],
      },
      {
        stage: 'policy',
        title: isDenied ? 'Denied' : 'Allowed',
        text: row.rule === null ? 'No rule matched, and the default denies.' : `Rule ‘${row.rule}’ decided.`,
        place,
      },
      ...(isDenied
        ? []
        : [
            {
              stage: 'address' as const,
              title: '203.0.113.14 may be reached',
              text: 'The name resolves to 2 addresses; 1 is permitted.',
              detail: ['203.0.113.14  permitted', '10.0.0.8  private (10.0.0.0/8)'],
            },
          ]),
      ...(row.scheme === 'https'
        ? [
            {
              stage: 'tls' as const,
              title: 'Opened',
              text: 'A rule wants this host looked into, and the client trusts our certificate.',
              place: 'office.yaml:31',
            },
          ]
        : []),
      ...(row.cache === null
        ? []
        : [
            {
              stage: 'cache' as const,
              title: row.cache === 'hit' ? 'Hit' : 'Not reused',
              text: row.cache === 'hit' ? 'A stored response answered: it is fresh.' : 'Nothing was stored under this key.',
              section: row.cache === 'hit' ? 'RFC 9111 §4.2' : 'RFC 9111 §4',
              detail: ['age       480 s', 'lifetime 3600 s (max-age)', 'left     3120 s'],
            },
          ]),
      {
        stage: 'outcome',
        title: row.error === null ? `Answered ${row.status}` : `Failed: ${row.error}`,
        text: row.error === null ? `Delivered in ${row.totalMs ?? 0} ms.` : `The client got ${row.status} with a page that says so.`,
      },
    ],
    criteria: fixtureSteps(isDenied),
  };
}

export function fixtureSteps(isDenied: boolean): readonly WhyRule[] {
  const position = (line: number) => ({ file: 'office.yaml', line });
  return [
    {
      number: 1,
      name: 'No uploads',
      action: 'deny',
      position: position(6),
      truth: 'false',
      criteria: [
        { depth: 0, truth: 'false', words: 'method GET is not PUT or POST' },
        { depth: 0, truth: 'true', words: 'host is under example' },
      ],
    },
    {
      number: 2,
      name: 'Adverts',
      action: 'deny',
      position: position(18),
      truth: isDenied ? 'true' : 'false',
      criteria: [
        {
          depth: 0,
          truth: isDenied ? 'true' : 'false',
          words: isDenied ? 'host is in list adverts.txt (line 40211)' : 'host is not in list adverts.txt',
        },
      ],
    },
    ...(isDenied
      ? []
      : [
          {
            number: 3,
            name: 'Office sites',
            action: 'allow',
            position: position(12),
            truth: 'true' as const,
            criteria: [
              { depth: 0, truth: 'true' as const, words: 'any of' },
              { depth: 1, truth: 'false' as const, words: 'host is not intranet.example' },
              { depth: 1, truth: 'true' as const, words: 'host is under example' },
            ],
          },
        ]),
  ];
}

export function fixtureMessages(row: Summary, after: number, limit: number): { total: number; messages: RecordedMessage[] } {
  const total = row.messages;
  const numbers = Array.from({ length: Math.max(0, Math.min(limit, total - after)) }, (_, index) => after + index + 1);
  return { total, messages: numbers.map((number) => fixtureMessage(row, number)) };
}

function fixtureMessage(row: Summary, number: number): RecordedMessage {
  const fromClient = number % 3 === 1;
  const isPing = number % 17 === 0;
  // The first thing that is said is held at a breakpoint.
  if (number === 2) return { ...fixtureMessage(row, 1), ...edited('{"type":"say","room":7}'), number, fate: { of: 1, how: 'edited' } };
  const text = isPing
    ? ''
    : fromClient
      ? JSON.stringify({ type: 'say', room: 42, text: `Message ${number}`, mood: 'calm' })
      : JSON.stringify({ type: 'said', by: 'grace', number, text: 'Good to hear. <script>alert(1)</script>' });
  return {
    ...{
      exchangeId: row.id,
      number,
      atMs: row.startedAtMs + number * 730,
      direction: fromClient ? 'from-client' : 'to-client',
      kind: isPing ? 'ping' : 'text',
    },
    ...{
      length: text.length,
      isCompressed: !isPing,
      contentLength: text.length,
      closeCode: null,
      problem: null,
      preview: Buffer.from(text).toString('base64'),
    },
  };
}

function edited(text: string): Pick<RecordedMessage, 'length' | 'contentLength' | 'preview' | 'isCompressed'> {
  return { length: text.length, contentLength: text.length, preview: Buffer.from(text).toString('base64'), isCompressed: false };
}

export function fixtureDiff(a: Summary, b: Summary): Diff {
  const same = (text: string) => ({ kind: 'same' as const, text });
  const changed = (from: string, to: string) =>
    from === to
      ? [same(from)]
      : [
          { kind: 'removed' as const, text: from },
          { kind: 'added' as const, text: to },
        ];
  return {
    request: [
      ...changed(`${a.method} ${a.path} HTTP/1.1`, `${b.method} ${b.path} HTTP/1.1`),
      ...changed(`Host: ${a.host}`, `Host: ${b.host}`),
      same('Accept-Encoding: gzip, br'),
    ],
    response: [
      ...changed(`HTTP/1.1 ${a.status}`, `HTTP/1.1 ${b.status}`),
      ...changed(`Content-Type: ${a.contentType}`, `Content-Type: ${b.contentType}`),
      same('Cache-Control: public, max-age=3600'),
    ],
    requestContent: [],
    responseContent: [same('{'), ...changed(`  "id": ${a.id},`, `  "id": ${b.id},`), same('  "tags": ["porcelain", "blue"]'), same('}')],
  };
}

export function fixtureAllowing(row: Summary): Allowing {
  return {
    policy: `  - name: ${row.host}\n    allow: { host: ${row.host}, method: ${row.method} }`,
    test: `tests:\n  - request: ${row.method} ${row.scheme}://${row.host}${row.path}\n    expect: allow`,
    why: `Rule ‘${row.rule ?? 'default'}’ denies it at office.yaml:18. These lines go above it; nothing else is let through.`,
  };
}

const DAY_MS = 86_400_000;
const REASONS: Readonly<Record<number, string>> = {
  101: 'Switching Protocols',
  200: 'OK',
  302: 'Found',
  403: 'Forbidden',
  404: 'Not Found',
  500: 'Internal Server Error',
  502: 'Bad Gateway',
  504: 'Gateway Timeout',
};
/** 2 by 2, four colours. */
const PNG = Buffer.from(
  'iVBORw0KGgoAAAANSUhEUgAAAAIAAAACCAIAAAD91JpzAAAAFklEQVR4nGP4z8DwHwwZ/jMw/AdTDP8BTsoI+W0tP1EAAAAASUVORK5CYII=',
  'base64',
);
const HTML = `<!doctype html>
<html lang="en">
  <head>
    <title>Tea cups</title>
    <link rel="stylesheet" href="/assets/app.77d0.css">
    <script>document.title = 'captured content must not run';</script>
  </head>
  <body>
    <h1>Tea cups</h1>
    <img src="x" onerror="alert(1)">
    <p>248 found.</p>
  </body>
</html>
`;
