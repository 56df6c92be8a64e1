// SSLKEYLOGFILE: asked for, said aloud, and readable by its owner alone.
import { readFileSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, expect, onTestFinished, test } from 'vitest';
import { loadConfig } from '../../src/config/load.ts';
import { ORIGIN_TLS_DEFAULTS } from '../../src/upstream/options.ts';
import { ask } from '../support/policies.ts';
import { startTestProxy } from '../support/start-proxy.ts';
import { createTemporaryCa } from '../support/temp-ca.ts';
import { temporaryFile, temporaryFolder } from '../support/temp-files.ts';
import { startTlsOrigin } from '../support/tls-origin.ts';

const ca = createTemporaryCa(temporaryFolder(afterAll));

test('the secrets of connections to origins are written, in the format of NSS', async () => {
  const file = path.join(temporaryFolder(onTestFinished), 'keys.log');
  await using origin = await startTlsOrigin(ca, (_, response) => response.end('ok'));
  await using proxy = await startTestProxy({ rootCertificates: ca.certFile, originTls: { ...ORIGIN_TLS_DEFAULTS, keyLogFile: file } });
  expect(proxy.reports).toEqual([expect.stringContaining(`are written to ${file}`)]);
  expect((await ask(proxy, `GET ${origin.url}/`)).status).toBe(200);
  const lines = readFileSync(file, 'utf8').trimEnd().split('\n');
  expect(lines.map((line) => line.split(' ')[0])).toContain('CLIENT_TRAFFIC_SECRET_0');
  for (const line of lines) expect(line).toMatch(/^[A-Z_0-9]+ [0-9a-f]{64} [0-9a-f]+$/);
});

test('it is readable by its owner alone, also when it was there before', async () => {
  const file = temporaryFile(onTestFinished, 'keys.log', '');
  writeFileSync(file, '# older\n', { mode: 0o644 });
  await using _proxy = await startTestProxy({ originTls: { ...ORIGIN_TLS_DEFAULTS, keyLogFile: file } });
  expect(statSync(file).mode & 0o777).toBe(0o600);
  expect(readFileSync(file, 'utf8')).toBe('# older\n');
});

test('a file that cannot be written ends the start', async () => {
  const file = path.join(temporaryFile(onTestFinished, 'no-folder', ''), 'keys.log');
  const start = startTestProxy({ originTls: { ...ORIGIN_TLS_DEFAULTS, keyLogFile: file } });
  await expect(start).rejects.toMatchObject({
    problems: [expect.stringContaining(`${file}: the key log cannot be written`)],
  });
});

test.each<[Record<string, string>, string | null]>([
  [{}, null],
  [{ SSLKEYLOGFILE: '' }, null],
  [{ SSLKEYLOGFILE: 'keys.log' }, '/srv/keys.log'],
  [{ SSLKEYLOGFILE: 'keys.log', SALLYPORT_TLS_KEY_LOG: 'off' }, null],
  [{ SSLKEYLOGFILE: 'keys.log', SALLYPORT_TLS_KEY_LOG: '/var/keys' }, '/var/keys'],
])('with %j, it is kept in %s', async (environment, file) => {
  expect((await loadConfig({}, environment, '/srv')).originTls.keyLogFile).toBe(file);
});
