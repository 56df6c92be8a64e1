// Requests of HTTP/2 on their way to an origin of HTTP/1.1, through the whole proxy: what an origin reads that is not ours is exactly the requests that
// were made, with the content that they were made with, whatever frames they came in (RFC 9113 §10.3, RFC 9112 §11.2).
import type { IncomingMessage, ServerResponse } from 'node:http';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { CODES, data, type FieldList, FLAGS, FrameClient, headers, rstStream } from '../support/frame-client.ts';
import { type OpeningProxy, openTunnel, startOpeningProxy } from '../support/opened-tunnels.ts';
import { createTemporaryCa } from '../support/temp-ca.ts';
import { temporaryFolder } from '../support/temp-files.ts';
import { startTlsOrigin, type TlsOrigin } from '../support/tls-origin.ts';

const folder = temporaryFolder(afterAll);
const ca = createTemporaryCa(folder);
let origin: TlsOrigin;
let proxy: OpeningProxy;
/** Start, fields but for Host and Via, and content, of each request that came whole. */
const seen: string[] = [];

beforeAll(async () => {
  origin = await startTlsOrigin(ca, (request, response) => void take(request, response));
  proxy = await startOpeningProxy(folder, ca);
});

afterAll(async () => {
  await proxy.close();
  await origin.close();
});

async function take(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const fields: string[] = [];
  for (let i = 0; i < request.rawHeaders.length; i += 2) {
    const [name, value] = [request.rawHeaders[i]!, request.rawHeaders[i + 1]!];
    if (name !== 'Host' && name !== 'Via') fields.push(`${name}: ${value}`);
  }
  const content = Buffer.concat(await request.toArray().catch(() => [])).toString('latin1');
  if (!request.complete) return;
  seen.push([`${request.method} ${request.url}`, ...fields, content].join('|'));
  response.end('ok');
}

/** Sends frames on stream 1 and asks for `/after` on stream 3. @returns what the origin read of the first */
async function meet(frames: readonly Buffer[]): Promise<readonly string[]> {
  seen.length = 0;
  const connection = await openTunnel(proxy, authority(), { ALPNProtocols: ['h2'] });
  using client = await FrameClient.over(connection);
  await client.send(...frames);
  if (!frames.some((each) => each[3] === 3)) await client.end(1);
  using other = await FrameClient.over(await openTunnel(proxy, authority(), { ALPNProtocols: ['h2'] }));
  await other.send(headers(1, request('GET', [], '/after')));
  expect(await other.end(1)).toMatchObject({ kind: 'answered', status: 200 });
  expect(seen.at(-1)).toBe('GET /after|');
  return seen.slice(0, -1);
}

function authority(): string {
  return `localhost:${origin.port}`;
}

function request(method: string, fields: FieldList = [], path = '/'): FieldList {
  return [[':method', method], [':scheme', 'https'], [':authority', authority()], [':path', path], ...fields];
}

const SMUGGLED = '0\r\n\r\nGET /smuggled HTTP/1.1\r\nHost: evil.test\r\n\r\n';
const CHUNKED = 'Transfer-Encoding: chunked';

describe('content is framed anew, so that nothing in it is read as a request', () => {
  test.for<[string, string, FieldList, string, string]>([
    ['of unknown length', 'POST', [], SMUGGLED, `${CHUNKED}|${SMUGGLED}`],
    ['of known length', 'POST', [['content-length', String(SMUGGLED.length)]], SMUGGLED, `Content-Length: ${SMUGGLED.length}|${SMUGGLED}`],
    ['of GET', 'GET', [], SMUGGLED, `${CHUNKED}|${SMUGGLED}`],
    ['of DELETE', 'DELETE', [], SMUGGLED, `${CHUNKED}|${SMUGGLED}`],
    ['that is empty', 'POST', [], '', `${CHUNKED}|`],
    [
      'beside a field that looks like framing',
      'POST',
      [['transfer_encoding', 'chunked']],
      'abc',
      `transfer_encoding: chunked|${CHUNKED}|abc`,
    ],
  ])('%s', async ([, method, fields, content, expected]) => {
    const got = await meet([headers(1, request(method, fields), FLAGS.endHeaders), data(1, content)]);
    expect(got).toEqual([`${method} /|${expected}`]);
  });

  test('in several frames, with trailers behind it, which HTTP/1.1 drops here', async () => {
    const frames = [data(1, SMUGGLED, 0), data(1, '', 0), data(1, 'end', 0), headers(1, [['x-sum', '1']])];
    const got = await meet([headers(1, request('POST'), FLAGS.endHeaders), ...frames]);
    expect(got).toEqual([`POST /|${CHUNKED}|${SMUGGLED}end`]);
  });
});

describe('a head is written as it was read', () => {
  test.for<[string, string, FieldList, string, string]>([
    ['with a path of two slashes', 'GET', [], '//evil.test/x', 'GET //evil.test/x|'],
    ['with OPTIONS *', 'OPTIONS', [], '*', 'OPTIONS *|'],
    [
      'with cookies in pieces (RFC 9113 §8.2.3)',
      'GET',
      [
        ['cookie', 'a=1'],
        ['cookie', 'b=2'],
      ],
      '/',
      'GET /|cookie: a=1; b=2|',
    ],
    [
      'with a field that came twice',
      'GET',
      [
        ['x-a', '1'],
        ['x-a', '2'],
      ],
      '/',
      'GET /|x-a: 1|x-a: 2|',
    ],
    ['without TE (RFC 9110 §10.1.4)', 'GET', [['te', 'trailers']], '/', 'GET /|'],
    ['without credentials for a proxy', 'GET', [['proxy-authorization', 'Basic eDp5']], '/', 'GET /|'],
    ['without a value that has line ends', 'GET', [['x-a', '1\r\nX-Smuggled: 1']], '/', 'GET /|'],
    ['without a name that has line ends', 'GET', [['x\r\ny: z', '1']], '/', 'GET /|'],
    ['without a value that has NUL', 'GET', [['x-a', '1\0']], '/', 'GET /|'],
  ])('%s', async ([, method, fields, path, expected]) => {
    expect(await meet([headers(1, request(method, fields, path))])).toEqual([expected]);
  });
});

describe('nothing reaches the origin of', () => {
  test.for<[string, () => readonly Buffer[]]>([
    ['a path with line ends', () => [headers(1, request('GET', [], '/ HTTP/1.1\r\nX: y\r\n\r\nGET /smuggled'))]],
    ['a path with a blank', () => [headers(1, request('GET', [], '/ HTTP/1.1'))]],
    ['a method with line ends', () => [headers(1, request('GET /smuggled HTTP/1.1\r\nX: '))]],
    ['a method with a blank', () => [headers(1, request('GET /smuggled'))]],
    ['another authority', () => [headers(1, request('GET', [['host', 'evil.test']]))]],
    ['Transfer-Encoding', () => [headers(1, request('POST', [['transfer-encoding', 'chunked']]), FLAGS.endHeaders), data(1, SMUGGLED)]],
    ['less content than announced', () => [headers(1, request('POST', [['content-length', '9']]), FLAGS.endHeaders), data(1, 'abc')]],
    ['more content than announced', () => [headers(1, request('POST', [['content-length', '3']]), FLAGS.endHeaders), data(1, 'abcGET')]],
    [
      'lengths that differ',
      () => [
        headers(
          1,
          request('POST', [
            ['content-length', '3'],
            ['content-length', '4'],
          ]),
          FLAGS.endHeaders,
        ),
        data(1, 'abc'),
      ],
    ],
    ['a list of lengths', () => [headers(1, request('POST', [['content-length', '3, 3']]), FLAGS.endHeaders), data(1, 'abc')]],
    ['content that is reset', () => [headers(1, request('POST'), FLAGS.endHeaders), data(1, SMUGGLED, 0), rstStream(1, CODES.noError)]],
    [
      'content that is reset, of known length',
      () => [headers(1, request('POST', [['content-length', '99']]), FLAGS.endHeaders), data(1, SMUGGLED, 0), rstStream(1, CODES.cancel)],
    ],
    [
      'a pseudo-header field in trailers',
      () => [headers(1, request('POST'), FLAGS.endHeaders), data(1, 'abc', 0), headers(1, [[':path', '/smuggled']])],
    ],
    [
      'CONNECT',
      () => [
        headers(1, [
          [':method', 'CONNECT'],
          [':authority', 'evil.test:443'],
        ]),
      ],
    ],
  ])('%s', async ([, frames]) => {
    expect(await meet(frames())).toEqual([]);
  });
});
