import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ProxyError } from '../../../src/errors/proxy-error.ts';
import { createFlow, type Flow } from '../../../src/flows/flow.ts';
import { combinedLine, LOG_FORMATS, squidLine } from '../../../src/observe/log-formats.ts';
import { jsonLine } from '../../../src/observe/log-json.ts';
import type { Decision } from '../../../src/policy/policy.ts';
import { questionFor } from '../../support/questions.ts';

const STARTED_AT_MS = Date.UTC(2026, 10, 22, 9, 8, 7, 65);

const DECISION: Decision = {
  action: 'allow',
  rule: {
    action: 'allow',
    name: 'news',
    condition: { kind: 'all', of: [] },
    denial: null,
    allowPrivate: 'none',
    limits: null,
    cache: null,
    interception: null,
    acceptCertificate: null,
    position: { file: 'policies/open.yaml', line: 12, column: 3 },
  },
  decidedBy: 'rule',
  position: { file: 'policies/open.yaml', line: 12, column: 3 },
  question: questionFor('GET http://a.example/', { clientAddress: '192.0.2.7' }),
  awaits: 'nothing',
  normalisedPath: null,
  reported: [],
};

function flowWith(changes: Partial<Flow>): Flow {
  const flow = createFlow({ id: 5, listener: 'http://127.0.0.1:8080', address: '192.0.2.7', port: 40_123, connectId: null });
  return Object.assign(flow, { id: 9, startedAtMs: STARTED_AT_MS }, changes);
}

function forwarded(changes: Partial<Flow> = {}): Flow {
  return flowWith({
    method: 'GET',
    target: 'http://a.example/x?y=1',
    version: '1.1',
    decision: DECISION,
    route: 'direct',
    resolvedFrom: 'resolver',
    upstreamAddress: '203.0.113.9',
    upstreamPort: 80,
    resolveMs: 1.239,
    connectMs: 20,
    firstByteMs: 31.5,
    totalMs: 1234.567,
    status: 200,
    bytesFromClient: 310,
    bytesToClient: 1_234,
    contentType: 'text/html; charset=utf-8',
    outcome: 'forwarded',
    ...changes,
  });
}

describe('the JSON format', () => {
  it('says what a rule meant each time, for a tunnel that it has opened and for a request that it lets pass inside', () => {
    const rule = { ...DECISION.rule!, action: 'intercept' } as const;
    const actions = ['intercept', 'allow', 'intercept', 'allow'] as const;
    const lines = actions.map((action) => JSON.parse(jsonLine(forwarded({ decision: { ...DECISION, rule, action } }))));
    expect(lines.map(({ decision }) => decision)).toEqual(actions);
  });

  it('says of a request inside a tunnel which one that was, and how the origin was spoken to', () => {
    const originTls = { version: 'TLSv1.3', certificate: null, isResumed: false, acceptedFaults: [] } as unknown as NonNullable<
      Flow['originTls']
    >;
    const line = jsonLine(forwarded({ connectId: 4_294_967_301, upstreamProtocol: '1.1', originTls }));
    expect(line).toContain(',"origin_tls":"TLSv1.3","connect":4294967301,"upstream_version":"1.1","error":null');
    const forgiven = jsonLine(forwarded({ connectId: 5, originTls: { ...originTls, acceptedFaults: ['expired'] } }));
    expect(forgiven).toContain(',"origin_tls":"TLSv1.3","accepted_faults":["expired"],"connect":5,"upstream_version":null,"error":null');
  });

  it('tells the whole exchange, keys in a fixed order', () => {
    expect(jsonLine(forwarded({ user: 'ann' }))).toBe(
      '{"time":"2026-11-22T09:08:07.065Z","id":9,"connection":5,"listener":"http://127.0.0.1:8080","client":"192.0.2.7","client_port":40123' +
        ',"user":"ann","method":"GET","target":"http://a.example/x?y=1","version":"1.1","status":200,"outcome":"forwarded","result":"TCP_MISS"' +
        ',"bytes_in":310,"bytes_out":1234,"content_type":"text/html","resolve_ms":1.23,"connect_ms":20.00,"tls_ms":null,"first_byte_ms":31.50' +
        ',"total_ms":1234.56' +
        ',"decision":"allow","rule":"news","rule_at":"policies/open.yaml:12","decided_by":"rule","route":"direct","upstream":"203.0.113.9:80"' +
        ',"reused":false,"resolved_from":"resolver","error":null,"error_detail":null}\n',
    );
  });

  it('writes null for every stage that was not reached', () => {
    const empty = JSON.parse(jsonLine(flowWith({})));
    const unreached = ['user', 'status', 'resolve_ms', 'connect_ms', 'tls_ms', 'first_byte_ms', 'total_ms', 'decision', 'rule', 'rule_at'];
    for (const key of [...unreached, 'decided_by', 'route', 'upstream', 'resolved_from', 'error', 'error_detail'])
      expect(empty[key], key).toBeNull();
    expect(Object.keys(empty)).toEqual(Object.keys(JSON.parse(jsonLine(forwarded()))));
  });

  it('names the position of a default that decided, without a rule', () => {
    const line = JSON.parse(jsonLine(forwarded({ decision: { ...DECISION, rule: null, decidedBy: 'default' } })));
    expect(line).toMatchObject({ rule: null, rule_at: 'policies/open.yaml:12', decided_by: 'default' });
  });

  it('lists the addresses that the guard refused, and only those', () => {
    const judged = [
      { address: '203.0.113.9', allowed: true, reason: '' },
      { address: '169.254.169.254', allowed: false, reason: 'link-local' },
    ];
    expect(JSON.parse(jsonLine(forwarded({ judged }))).refused_addresses).toEqual([{ address: '169.254.169.254', reason: 'link-local' }]);
    expect(jsonLine(forwarded({ judged: judged.slice(0, 1) }))).not.toContain('refused_addresses');
  });

  it('tells what else a policy may have asked about, and only where there is something to tell', () => {
    const question = questionFor('POST http://a.example/', {
      upgrade: 'websocket',
      contentLength: 7,
      identity: { user: 'ann', groups: ['eng'], claims: null },
    });
    const line = JSON.parse(jsonLine(forwarded({ decision: { ...DECISION, question } })));
    expect(line).toMatchObject({ groups: ['eng'], request_length: 7, upgrade: 'websocket', content_type: 'text/html' });
    expect(jsonLine(forwarded())).not.toMatch(/groups|request_length|upgrade/);
  });

  it('puts an IPv6 upstream in brackets', () => {
    expect(JSON.parse(jsonLine(forwarded({ upstreamAddress: '2001:db8::9', upstreamPort: 443 }))).upstream).toBe('[2001:db8::9]:443');
  });

  it('names a failure by its RFC 9209 code and its message', () => {
    const error = new ProxyError('connection_refused', 'a.example refused\nthe connection');
    const line = JSON.parse(jsonLine(forwarded({ outcome: 'failed', status: 502, error })));
    expect(line).toMatchObject({ error: 'connection_refused', error_detail: 'a.example refused\nthe connection' });
  });

  it('keeps the time right when seconds and days change from line to line', () => {
    for (const atMs of [0, 999, 1_000, STARTED_AT_MS, STARTED_AT_MS - 86_400_000, STARTED_AT_MS]) {
      expect(JSON.parse(jsonLine(forwarded({ startedAtMs: atMs }))).time).toBe(new Date(atMs).toISOString());
    }
  });

  it('parses back to the very values, whatever octets they hold', () => {
    fc.assert(
      fc.property(hostile, hostile, hostile, milliseconds, (method, detail, name, totalMs) => {
        const error = new ProxyError('dns_error', detail);
        const decision = { ...DECISION, rule: { ...DECISION.rule!, name }, position: { file: name, line: 3, column: 1 } };
        const line = JSON.parse(jsonLine(forwarded({ method, user: name, route: detail, decision, error, totalMs, listener: method })));
        expect(line).toMatchObject({
          method,
          user: name,
          route: detail,
          rule: name,
          rule_at: `${name}:3`,
          error_detail: detail,
          listener: method,
        });
        expect(Math.abs(line.total_ms - totalMs)).toBeLessThanOrEqual(0.011);
      }),
    );
  });
});

describe("Squid's native format", () => {
  it('has ten columns, the time being the end of the exchange', () => {
    const line = squidLine(forwarded({ user: 'ann' }));
    expect(line).toBe(
      '1795338488.300   1235 192.0.2.7 TCP_MISS/200 1234 GET http://a.example/x?y=1 ann HIER_DIRECT/203.0.113.9 text/html\n',
    );
  });

  const refused = new ProxyError('connection_refused', 'refused');
  const brokenOff = new ProxyError('http_response_incomplete', 'broke off');
  const rows: readonly [string, Partial<Flow>, string, string][] = [
    ['a tunnel', { outcome: 'tunnelled', method: 'CONNECT', target: 'a.example:443' }, 'TCP_TUNNEL/200', 'HIER_DIRECT/203.0.113.9'],
    ['a parent', { route: 'parent.example:3128', upstreamAddress: '198.51.100.4' }, 'TCP_MISS/200', 'FIRSTUP_PARENT/198.51.100.4'],
    ['a denial', { outcome: 'denied', status: 403, route: null, upstreamAddress: null }, 'TCP_DENIED/403', 'HIER_NONE/-'],
    ['a challenge', { outcome: 'answered', status: 407, route: null, upstreamAddress: null }, 'TCP_DENIED/407', 'HIER_NONE/-'],
    ['an answer of ours', { outcome: 'answered', status: 200, route: null, upstreamAddress: null }, 'NONE_NONE/200', 'HIER_NONE/-'],
    ['a malformed request', { outcome: 'failed', status: 400, route: null, upstreamAddress: null }, 'NONE_NONE/400', 'HIER_NONE/-'],
    ['a refused connection', { outcome: 'failed', status: 502, error: refused, upstreamAddress: null }, 'TCP_MISS/502', 'HIER_NONE/-'],
    [
      'a refused tunnel',
      { outcome: 'failed', method: 'CONNECT', status: 502, error: refused },
      'TCP_TUNNEL/502',
      'HIER_DIRECT/203.0.113.9',
    ],
    ['a response that broke off', { outcome: 'failed', status: 200, error: brokenOff }, 'TCP_MISS_ABORTED/200', 'HIER_DIRECT/203.0.113.9'],
    [
      'a response that stalled',
      { outcome: 'failed', status: 200, error: new ProxyError('connection_read_timeout', 'silent') },
      'TCP_MISS_TIMEOUT/200',
      'HIER_DIRECT/203.0.113.9',
    ],
    ['a client that left', { outcome: 'aborted', status: 0 }, 'TCP_MISS_ABORTED/000', 'HIER_DIRECT/203.0.113.9'],
    [
      'a client that left early',
      { outcome: 'aborted', status: 0, route: null, upstreamAddress: null },
      'NONE_NONE_ABORTED/000',
      'HIER_NONE/-',
    ],
    [
      'a guarded address',
      { outcome: 'failed', status: 502, error: new ProxyError('destination_ip_prohibited', 'private'), upstreamAddress: null },
      'TCP_DENIED/502',
      'HIER_NONE/-',
    ],
  ];
  it.each(rows)('says how %s ended', (_, changes, result, hierarchy) => {
    const columns = squidLine(forwarded(changes)).trimEnd().split(/ +/);
    expect([columns[3], columns[8]]).toEqual([result, hierarchy]);
  });

  it('names a request that could not be read as Squid does', () => {
    expect(squidLine(flowWith({ outcome: 'failed', status: 400 }))).toContain(
      ' NONE_NONE/400 0 NONE error:invalid-request - HIER_NONE/- -\n',
    );
  });

  it('percent-encodes what may not stand in a URI and leaves what is encoded', () => {
    expect(squidLine(forwarded({ target: 'http://a.example/a b%20"\r\n\x7f\xe9\u20ac~[]' }))).toContain(
      ' http://a.example/a%20b%20%22%0D%0A%7F%E9%E2%82%AC~[] ',
    );
  });
});

describe('the combined format', () => {
  it('has the whole target, the Referer and the User-Agent', () => {
    expect(combinedLine(forwarded({ user: 'ann', referer: 'http://b.example/', userAgent: 'curl/8.1' }))).toBe(
      '192.0.2.7 - ann [22/Nov/2026:09:08:07 +0000] "GET http://a.example/x?y=1 HTTP/1.1" 200 1234 "http://b.example/" "curl/8.1"\n',
    );
  });

  it('escapes quotes, backslashes and controls as Apache does', () => {
    expect(combinedLine(forwarded({ userAgent: 'a"b\\c\r\n\t\x00\x1b[31m\xe9\u20ac' }))).toContain(
      '"a\\"b\\\\c\\r\\n\\t\\x00\\x1b[31m\\xe9\\xe2\\x82\\xac"\n',
    );
  });

  it('keeps a user name with blanks in its column', () => {
    expect(combinedLine(forwarded({ user: 'ann [x] y' }))).toContain(' - ann\\x20[x]\\x20y [22/Nov/2026');
  });

  it('writes dashes and 000 for what is missing', () => {
    expect(combinedLine(flowWith({}))).toBe('192.0.2.7 - - [22/Nov/2026:09:08:07 +0000] "-" 000 0 "-" "-"\n');
  });
});

describe('every format', () => {
  it('stays one line of printable ASCII, and keeps its columns, for any octets', () => {
    fc.assert(
      fc.property(hostile, hostile, hostile, (a, b, c) => {
        const error = new ProxyError('dns_error', a);
        const flow = forwarded({
          method: a,
          target: b,
          user: c,
          version: c,
          referer: a,
          userAgent: b,
          contentType: c,
          route: a,
          error,
          upstreamAddress: b,
        });
        for (const format of Object.values(LOG_FORMATS)) expect(format(flow)).toMatch(/^[\x20-\x7e]+\n$/);
        expect(squidLine(flow).trimEnd().split(/ +/)).toHaveLength(10);
        expect(combinedLine(flow)).toMatch(/^\S+ - \S+ \[[^\]]+\] "(?:[^"\\]|\\.)*" 200 1234 "(?:[^"\\]|\\.)*" "(?:[^"\\]|\\.)*"\n$/);
      }),
    );
  });

  it.each([
    ['http://ann:secret@a.example/x@y', 'http://a.example/x@y'],
    ['http://ann:se@cret@a.example', 'http://a.example'],
    ['ann:secret@a.example:443', 'a.example:443'],
    ['ann:secret@a.example//x', 'a.example//x'],
    ['http://a.example/@x?m=b@c.example', 'http://a.example/@x?m=b@c.example'],
  ])('drops the user information of %s (RFC 3986 §3.2.1)', (target, logged) => {
    expect(JSON.parse(jsonLine(forwarded({ target }))).target).toBe(logged);
    expect(squidLine(forwarded({ target }))).toContain(` ${logged} `);
    expect(combinedLine(forwarded({ target, referer: target }))).toContain(`"GET ${logged} HTTP/1.1" 200 1234 "${logged}" `);
  });
});

const octet = fc.integer({ min: 0, max: 255 }).map((code) => String.fromCharCode(code));
const awkward = fc.constantFrom(
  '"',
  '\\',
  '\n',
  '\r',
  '\r\n',
  '\0',
  '\x1b[2J',
  '\x85',
  '\u2028',
  '\ud800',
  '%0a',
  ' ',
  '\t',
  '","status":200}\n{"',
);
const hostile = fc
  .array(fc.oneof(octet, awkward, fc.string({ unit: 'binary' })), { minLength: 1, maxLength: 12 })
  .map((parts) => parts.join(''));
const milliseconds = fc.double({ min: 0, max: 1e9, noNaN: true });
