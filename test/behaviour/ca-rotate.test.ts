// A CA that is made anew while the proxy runs and clients are served: from the next reload on, new tunnels are opened under the new one.

import { readFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { rotateAuthority } from '../../src/tls/ca.ts';
import { openTunnel, startOpeningProxy } from '../support/opened-tunnels.ts';
import { createTemporaryCa } from '../support/temp-ca.ts';
import { temporaryFolder } from '../support/temp-files.ts';
import { startTlsOrigin } from '../support/tls-origin.ts';

test('holds from the reload on, and cuts off nobody who came before', async () => {
  const folder = temporaryFolder(afterAll);
  const ca = createTemporaryCa(folder);
  await using origin = await startTlsOrigin(ca, (_, response) => response.end('hello'));
  await using proxy = await startOpeningProxy(folder, ca);
  const authority = `localhost:${origin.port}`;
  const request = `GET / HTTP/1.1\r\nHost: ${authority}\r\n\r\n`;
  using before = await openTunnel(proxy, authority);
  rotateAuthority(path.dirname(proxy.authorityFile), {}, Date.now());
  using between = await openTunnel(proxy, authority);
  await proxy.running.reload(proxy.config);
  const rotated = readFileSync(proxy.authorityFile, 'utf8');
  expect(rotated).not.toBe(proxy.authority);
  using after = await openTunnel(proxy, authority, { ca: rotated });
  for (const client of [before, between, after]) {
    await client.send(request);
    expect((await client.readResponse()).body.toString()).toBe('hello');
  }
  await expect(openTunnel(proxy, authority)).rejects.toThrow();
});
