// What the strict reader must refuse: each row is something a proxy could emit by mistake.
import { expect, test } from 'vitest';
import { type RawServer, startRawServer } from '../../support/origin.ts';
import { connectRaw } from '../../support/raw-client.ts';
import type { RawConnection } from '../../support/raw-connection.ts';
import { readRequestHead } from '../../support/strict-message.ts';

const CHUNKED = 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n';

test.each([
  ['a bare LF', 'HTTP/1.1 200 OK\nContent-Length: 0\r\n\r\n', 'a line end that is not CRLF'],
  ['a CR inside a line', 'HTTP/1.1 200 OK\r\nA: b\rc\r\nContent-Length: 0\r\n\r\n', 'a line end that is not CRLF'],
  ['a folded line', 'HTTP/1.1 200 OK\r\nA: b\r\n c\r\nContent-Length: 0\r\n\r\n', 'not a field line'],
  ['a blank before the colon', 'HTTP/1.1 200 OK\r\nA : b\r\n\r\n', 'not a field line'],
  ['a NUL in a value', 'HTTP/1.1 200 OK\r\nA: \0\r\n\r\n', 'not a field line'],
  ['a status line without its second blank', 'HTTP/1.1 200\r\n\r\n', 'not a status line'],
  ['two lengths', 'HTTP/1.1 200 OK\r\nContent-Length: 0\r\nContent-Length: 0\r\n\r\n', 'more than one framing field'],
  ['two framings', 'HTTP/1.1 200 OK\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n', 'more than one framing field'],
  ['a signed length', 'HTTP/1.1 200 OK\r\nContent-Length: +1\r\n\r\na', 'Content-Length "+1"'],
  ['a length with a leading zero', 'HTTP/1.1 200 OK\r\nContent-Length: 01\r\n\r\na', 'Content-Length "01"'],
  ['another transfer coding', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n', 'transfer coding'],
  ['chunks in HTTP/1.0', 'HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n', 'HTTP/1.0'],
  ['a framed 204', 'HTTP/1.1 204 No Content\r\nContent-Length: 0\r\n\r\n', '204 to GET may not be framed'],
  ['a chunk extension', `${CHUNKED}1;a=b\r\nx\r\n0\r\n\r\n`, 'not a chunk size'],
  ['a chunk size with a prefix', `${CHUNKED}0x1\r\nx\r\n0\r\n\r\n`, 'not a chunk size'],
  ['a chunk size with a leading zero', `${CHUNKED}01\r\nx\r\n0\r\n\r\n`, 'not a chunk size'],
  ['a chunk longer than announced', `${CHUNKED}1\r\nxy\r\n0\r\n\r\n`, 'a chunk is longer than announced'],
  ['content cut short', 'HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhi', 'the connection ended after 2 octets'],
  ['chunks without a last one', `${CHUNKED}1\r\nx\r\n`, 'the connection ended'],
  [
    'octets after the last response',
    'HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\nHTTP/1.1 200 OK\r\n\r\n',
    'octets after the last response',
  ],
])('refuses %s in a response', async (_, octets, problem) => {
  await using server = await serverThatSays(octets);
  using client = await connectRaw({ port: server.port });
  await expect(client.readLastResponse()).rejects.toThrow(problem);
});

test.each([
  ['no Host', 'GET / HTTP/1.1\r\n\r\n', 'exactly one Host'],
  ['two Hosts', 'GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n', 'exactly one Host'],
  ['two blanks in the request line', 'GET  / HTTP/1.1\r\nHost: a\r\n\r\n', 'not a request line'],
  ['a target that is not ASCII', 'GET /\xe9 HTTP/1.1\r\nHost: a\r\n\r\n', 'not a request line'],
  ['another version', 'GET / HTTP/1.2\r\nHost: a\r\n\r\n', 'not a request line'],
])('refuses %s in a request', async (_, octets, problem) => {
  await using server = await serverThatSays(octets);
  using client = await connectRaw({ port: server.port });
  await expect(readRequestHead(client)).rejects.toThrow(problem);
});

test('reads interim responses, content to the close, and octets above ASCII', async () => {
  await using server = await serverThatSays(
    'HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 200 \r\nX:\t\xfcml \r\nY:\r\n\r\nto the end',
  );
  using client = await connectRaw({ port: server.port });
  const response = await client.readLastResponse();
  expect(response).toMatchObject({ status: 200, reason: '', framing: 'close', body: Buffer.from('to the end') });
  expect(response.fields).toEqual([
    ['X', '\xfcml'],
    ['Y', ''],
  ]);
  expect(response.interim).toMatchObject([{ status: 103, fields: [['Link', '</a>']] }]);
});

function serverThatSays(octets: string): Promise<RawServer> {
  return startRawServer(async (connection: RawConnection) => {
    await connection.send(octets);
    connection.end();
  });
}
