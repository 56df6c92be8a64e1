// A policy as those meet it who are on the line: every criterion and every action once, on real sockets. What responses and content say is
// policy-on-the-line-content.test.ts, what names resolve to policy-on-the-line-addresses.test.ts.
import { afterEach, beforeEach, describe, expect, onTestFinished, test, vi } from 'vitest';
import { AUTH_DEFAULTS } from '../../src/auth/options.ts';
import { jsonLine } from '../../src/observe/log-json.ts';
import { keySetOf, makeKey, signToken } from '../support/jwks.ts';
import { type Origin, startOrigin } from '../support/origin.ts';
import { ask, hostsOf, policyOf } from '../support/policies.ts';
import { connectRaw } from '../support/raw-client.ts';
import { startTestProxy, type TestConfig, type TestProxy } from '../support/start-proxy.ts';
import { valuesOf } from '../support/strict-message.ts';
import { temporaryFile } from '../support/temp-files.ts';
import { startEcho } from '../support/tunnel-servers.ts';
import { openTunnel, refusedConnect } from '../support/tunnels.ts';

let origin: Origin;
beforeEach(async () => {
  origin = await startOrigin((_, reply) => reply.response({ body: 'reached' }));
});
afterEach(() => origin.close());

/** A proxy to which a.example, b.example and shop.example.co.uk are this machine. */
function start(policy: string, config: TestConfig = {}): Promise<TestProxy> {
  const hostsFile = hostsOf('a.example', 'sub.a.example', 'b.example', 'shop.example.co.uk');
  return startTestProxy({ policyFile: policyOf(policy), resolver: { hostsFile }, ...config });
}

describe('a criterion of the request decides', () => {
  const WEBSOCKET =
    'Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n';
  /** What is matched, a request that fits, and one that does not. PORT stands for the origin's. */
  test.each<[string, [string, string?] | null, [string, string?] | null]>([
    ['host: .a.example', ['GET http://sub.A.example.:PORT/'], ['GET http://b.example:PORT/']],
    ['host: "*.a.example"', ['GET http://sub.a.example:PORT/'], ['GET http://a.example:PORT/']],
    ['host_regex: "^sub\\\\..*e$"', ['GET http://sub.a.example:PORT/'], ['GET http://a.example:PORT/']],
    ['domain: example.co.uk', ['GET http://shop.example.co.uk:PORT/'], ['GET http://a.example:PORT/']],
    ['port: PORT', ['GET http://a.example:PORT/'], ['GET http://a.example:1/']],
    ['{ scheme: http, host: b.example }', ['GET http://b.example:PORT/'], ['CONNECT b.example:PORT']],
    ['scheme: tunnel', ['CONNECT a.example:PORT'], ['GET http://a.example:PORT/']],
    ['method: [DELETE, PURGE]', ['PURGE http://a.example:PORT/'], ['GET http://a.example:PORT/']],
    ['path: /admin/*', ['GET http://a.example:PORT/x/..//%61dmin/a'], ['GET http://a.example:PORT/adm']],
    ['path_regex: "^/v[0-9]+/secret"', ['GET http://a.example:PORT/v12/secret'], ['GET http://a.example:PORT/v/secret']],
    ['query: { upload: "*" }', ['GET http://a.example:PORT/?q=x&upload=y'], ['GET http://a.example:PORT/?q=upload']],
    ['field: { User-Agent: "*bot*" }', ['GET http://a.example:PORT/', 'User-Agent: a bot\r\n'], ['GET http://a.example:PORT/']],
    ['client: 127.0.0.0/8', ['GET http://a.example:PORT/'], null],
    ['client: 10.0.0.0/8', null, ['GET http://a.example:PORT/']],
    ['request_size: over 1KiB', ['POST http://a.example:PORT/', 'Content-Length: 1025\r\n'], ['GET http://a.example:PORT/']],
    [
      'upgrade: websocket',
      ['GET http://a.example:PORT/', WEBSOCKET],
      ['GET http://a.example:PORT/', 'Upgrade: h2c\r\nConnection: Upgrade\r\n'],
    ],
    ['all: [{ host: a.example }, { method: PUT }]', ['PUT http://a.example:PORT/'], ['PUT http://b.example:PORT/']],
    ['any: [{ host: a.example }, { method: PUT }]', ['PUT http://b.example:PORT/'], ['GET http://b.example:PORT/']],
    ['{ host: .a.example, not: { host: a.example } }', ['GET http://sub.a.example:PORT/'], ['GET http://a.example:PORT/']],
    ['in: hidden', ['GET http://b.example:PORT/secret'], ['GET http://b.example:PORT/']],
  ])('%s', async (match, fitting, other) => {
    const condition = (match.startsWith('{') ? match : `{ ${match} }`).replace('PORT', String(origin.port));
    await using proxy = await start(`default: allow
connect_ports: any
groups: { hidden: { path: /secret } }
rules:
  - { name: This one, deny: ${condition}, status: 451 }
`);
    for (const [request, isDenied] of [
      [fitting, true],
      [other, false],
    ] as const) {
      if (request === null) continue;
      expect(origin.requests).toEqual([]);
      const [line, fields] = request;
      const response = await ask(proxy, line.replace('PORT', String(origin.port)), fields);
      expect([line, response.status === 451, response.reason.startsWith("Denied by rule 'This one'")]).toEqual([line, isDenied, isDenied]);
    }
  });

  test('a list of domains, and one of addresses of clients', async () => {
    const [adverts, guests] = [
      temporaryFile(onTestFinished, 'adverts', '.a.example\n'),
      temporaryFile(onTestFinished, 'guests', '127.0.0.0/8\n'),
    ];
    await using proxy = await start(`default: deny
lists: { adverts: { file: ${adverts}, format: domains }, guests: { file: ${guests}, format: cidr } }
rules:
  - { name: Adverts, deny: { in: adverts } }
  - { name: Guests, allow: { client_in: guests } }
`);
    expect((await ask(proxy, `GET http://sub.a.example:${origin.port}/`)).reason).toContain("rule 'Adverts'");
    expect((await ask(proxy, `GET http://b.example:${origin.port}/`)).status).toBe(200);
  });

  test('the user, the group and the claim of whoever asks, anew with each request of a connection', async () => {
    const key = await makeKey('ES256', 'one');
    const jwt = {
      jwks: { file: temporaryFile(onTestFinished, 'keys', keySetOf(key)) },
      caFile: null,
      issuer: 'https://ci.example',
      audiences: ['proxy'],
      userClaim: 'sub',
      groupsClaim: 'teams',
    };
    await using proxy = await start(
      'default: deny\nrules:\n  - allow: { any: [{ user: bot-* }, { group: sre }, { claim: { ref: refs/heads/main } }] }\n',
      { auth: { ...AUTH_DEFAULTS, require: 'by-policy', jwt } },
    );
    using client = await connectRaw(proxy);
    const claims = { iss: 'https://ci.example', aud: 'proxy', exp: Math.floor(Date.now() / 1_000) + 600 };
    for (const [who, status] of [
      [null, 407],
      [{ sub: 'bot-7' }, 200],
      [{ sub: 'ada' }, 403],
      [{ sub: 'ada', teams: ['sre'] }, 200],
      [{ sub: 'ada', teams: ['sales'], ref: 'refs/heads/main' }, 200],
      [null, 407],
    ] as const) {
      const field = who === null ? '' : `Proxy-Authorization: Bearer ${await signToken(key, { ...claims, ...who })}\r\n`;
      await client.send(`GET http://a.example:${origin.port}/ HTTP/1.1\r\nHost: x\r\n${field}\r\n`);
      expect([who, (await client.readResponse()).status]).toEqual([who, status]);
    }
  });

  test('the listener by its name, and by its address when it has none', async () => {
    const listen = [
      { kind: 'tcp', host: '127.0.0.1', port: 0, name: 'kiosk' },
      { kind: 'tcp', host: '127.0.0.1', port: 0 },
    ] as const;
    await using proxy = await start('default: allow\nrules:\n  - deny: { listener: kiosk }\n', { listen });
    const ports = proxy.running.listening.map(({ url }) => Number(new URL(url).port));
    const statuses = await Promise.all(ports.map(async (port) => (await ask({ port }, `GET ${origin.url}/`)).status));
    expect(statuses).toEqual([403, 200]);
  });

  test('the hour in its zone, with each request anew, and a date after which a rule is no more', async () => {
    vi.useFakeTimers({ toFake: ['Date'], now: Date.parse('2026-11-23T07:59:59+01:00') });
    onTestFinished(() => void vi.useRealTimers());
    await using proxy = await start(`default: deny
rules:
  - allow: { path: /work, time: { days: mon-fri, hours: 08:00-18:00, zone: Europe/Berlin } }
  - allow: { path: /trial, time: { until: 2026-11-24, zone: UTC } }
`);
    using client = await connectRaw(proxy);
    for (const [moment, expected] of [
      ['2026-11-23T07:59:59+01:00', [403, 200]],
      ['2026-11-23T08:00:00+01:00', [200, 200]],
      ['2026-11-23T17:59:59+01:00', [200, 200]],
      ['2026-11-23T18:00:00+01:00', [403, 200]],
      ['2026-11-25T12:00:00+01:00', [200, 403]],
      // A clock that is set back opens and closes again.
      ['2026-11-22T12:00:00+01:00', [403, 200]],
    ] as const) {
      vi.setSystemTime(Date.parse(moment));
      const statuses: number[] = [];
      for (const path of ['/work', '/trial']) {
        await client.send(`GET ${origin.url}${path} HTTP/1.1\r\nHost: x\r\n\r\n`);
        statuses.push((await client.readResponse()).status);
      }
      expect([moment, statuses]).toEqual([moment, expected]);
    }
  });
});

describe('an action', () => {
  test('deny says its status, its owner and where to ask, in problem details', async () => {
    await using proxy = await start(`default: allow
rules:
  - name: File sharing
    deny: { host: a.example }
    status: 451
    message: Use the archive.
    owner: Network team <network@corp.example>
    request_access: https://corp.example/ask
`);
    const response = await ask(proxy, `GET http://a.example:${origin.port}/`, 'Accept: application/problem+json\r\n');
    expect([response.status, valuesOf(response.fields, 'content-type')]).toEqual([451, ['application/problem+json']]);
    expect(JSON.parse(response.body.toString())).toMatchObject({
      status: 451,
      rule: 'File sharing',
      line: 4,
      rule_message: 'Use the archive.',
      owner: 'Network team <network@corp.example>',
      request_access: 'https://corp.example/ask',
    });
    const tunnel = await refusedConnect(proxy, 'a.example:443');
    expect([tunnel.status, tunnel.reason]).toEqual([451, "Denied by rule 'File sharing' (policy.yaml:4)"]);
  });

  test('report lets pass, and the access log has whom it would have denied, and nobody else', async () => {
    await using proxy = await start(`default: allow
rules:
  - { name: Trial, report: { path: /old/* } }
  - report: { method: PUT }
  - { name: For good, deny: { path: /gone } }
`);
    for (const line of ['PUT http://a.example:PORT/old/x', 'GET http://a.example:PORT/new', 'PUT http://a.example:PORT/gone']) {
      await ask(proxy, line.replace('PORT', String(origin.port)), 'Content-Length: 0\r\n');
    }
    await proxy.flow(2);
    const logged = proxy.flows.map((flow) => JSON.parse(jsonLine(flow)));
    expect(logged.map(({ status, decision, reported }) => [status, decision, reported])).toEqual([
      [200, 'allow', ['Trial', expect.stringMatching(/policy\.yaml:5$/)]],
      [200, 'allow', undefined],
      [403, 'deny', [expect.stringMatching(/policy\.yaml:5$/)]],
    ]);
  });

  test('tunnel opens a tunnel, and is a plain permission for a request', async () => {
    await using echo = await startEcho();
    await using proxy = await start('default: deny\nconnect_ports: any\nrules:\n  - tunnel: { host: [a.example, 127.0.0.1] }\n');
    using tunnel = await openTunnel(proxy, `a.example:${echo.port}`);
    await tunnel.send('unopened');
    expect((await tunnel.readExactly(8)).toString()).toBe('unopened');
    expect((await ask(proxy, `GET ${origin.url}/`)).status).toBe(200);
  });

  test('a limit answers 429 with the time to wait (RFC 6585 §4), in problem details too', async () => {
    await using proxy = await start('default: deny\nrules:\n  - { name: Slow, allow: any, limits: { requests: 1/s, per: all } }\n');
    expect((await ask(proxy, `GET ${origin.url}/`)).status).toBe(200);
    const response = await ask(proxy, `GET ${origin.url}/`, 'Accept: application/json\r\n');
    expect([response.status, valuesOf(response.fields, 'retry-after')]).toEqual([429, ['1']]);
    expect(JSON.parse(response.body.toString())).toMatchObject({ status: 429, rule: 'Slow', retry_after: 1 });
    expect(origin.requests).toHaveLength(1);
  });
});

describe('what nobody sees in a tunnel opens none', () => {
  test.each([
    'not: { path: /admin/* }',
    'not: { query: { upload: "*" } }',
    'not: { request_size: over 1KiB }',
    'not: { upgrade: websocket }',
    'not: { response_type: image/* }',
    'path: "*"',
    'host: a.example, any: [{ path: "*" }, { method: GET }]',
  ])('%s', async (condition) => {
    await using proxy = await start(`default: deny\nconnect_ports: any\nrules:\n  - allow: { ${condition} }\n`);
    expect((await refusedConnect(proxy, `a.example:${origin.port}`)).status).toBe(403);
    expect(origin.accepted).toBe(0);
    expect((await ask(proxy, `GET http://a.example:${origin.port}/`)).status).toBe(200);
  });
});
