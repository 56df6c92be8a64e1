// The throw-away CA is trusted when it is named, and only then; files go when the test goes.
import { existsSync } from 'node:fs';
import { connect } from 'node:net';
import { afterAll, expect, onTestFinished, test } from 'vitest';
import { startRawServer } from '../../support/origin.ts';
import { connectRaw } from '../../support/raw-client.ts';
import { createTemporaryCa } from '../../support/temp-ca.ts';
import { temporaryFile, temporaryFolder } from '../../support/temp-files.ts';
import { startTlsOrigin } from '../../support/tls-origin.ts';

const ca = createTemporaryCa(temporaryFolder(afterAll));

test('an HTTPS origin is reached by who trusts the CA, for its own names', async () => {
  await using origin = await startTlsOrigin(ca, (request, response) => response.end(request.url));
  const tls = { ca: ca.cert, servername: 'localhost' };
  using client = await connectRaw({ port: origin.port, tls });
  await client.send('GET /hello HTTP/1.1\r\nHost: localhost\r\n\r\n');
  expect((await client.readResponse()).body.toString()).toBe('/hello');
  await expect(connectRaw({ port: origin.port, tls: { servername: 'localhost' } })).rejects.toThrow('certificate');
  await expect(connectRaw({ port: origin.port, tls: { ...tls, servername: 'other.example' } })).rejects.toThrow('altnames');
  expect(origin).toMatchObject({ accepted: 3, requests: 1 });
});

test('a client starts TLS inside a connection that is a tunnel by now', async () => {
  await using origin = await startTlsOrigin(ca, (_, response) => response.end('inside'));
  await using tunnel = await startRawServer(async (connection) => {
    await connection.readUntil('go');
    await connection.send('gone');
    const client = connection.release();
    const upstream = connect(origin.port, '127.0.0.1');
    upstream
      .on('error', () => client.destroy())
      .pipe(client)
      .pipe(upstream);
  });
  using outer = await connectRaw({ port: tunnel.port });
  await outer.send('go');
  await outer.readUntil('gone');
  using inner = await outer.startTls({ ca: ca.cert, servername: 'localhost' });
  await inner.send('GET / HTTP/1.1\r\nHost: localhost\r\n\r\n');
  expect((await inner.readResponse()).body.toString()).toBe('inside');
});

test('a temporary file is gone once its test has finished', () => {
  let remove: () => void = () => {};
  const file = temporaryFile((given) => (remove = given), 'policy.yaml', 'rules: []\n');
  onTestFinished(() => expect(existsSync(file)).toBe(false));
  expect(existsSync(file)).toBe(true);
  remove();
});
