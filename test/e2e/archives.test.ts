// HTTP Archives between programs: one that was recorded beside Chromium comes in, and Chromium lives on one that went out, its origin gone.
import { randomBytes } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import path from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, expect, test } from 'vitest';
import { exportHar } from '../../src/flows/har-export.ts';
import { importHar } from '../../src/flows/har-import.ts';
import { HAR } from '../support/har-schema.ts';
import { launchChromium } from '../support/launch-chromium.ts';
import { describeWith } from '../support/programs.ts';
import { temporaryFolder } from '../support/temp-files.ts';

const OCTETS = randomBytes(500);
const PAGE = `<!DOCTYPE html><meta charset="utf-8"><title>é €</title><script>
  const load = async () => {
    const octets = new Uint8Array(await (await fetch('/octets')).arrayBuffer());
    const said = await (await fetch('/echo?q=1', { method: 'POST', headers: { 'Content-Type': 'application/json' }, body: '{"a":"é"}' })).text();
    window.result = { octets: [...octets], said, title: document.title };
  };
  load();
</script>`;

describeWith(['chromium'], 'Chromium', () => {
  const folder = temporaryFolder(afterAll);

  test('writes archives that are imported whole, and reads those that are exported', async () => {
    const origin = createServer((request, response) => {
      if (request.url === '/octets') return response.setHeader('Content-Type', 'application/octet-stream').end(OCTETS);
      if (request.url === '/') {
        response.setHeader('Content-Type', 'text/html').setHeader('Content-Encoding', 'gzip').setHeader('Set-Cookie', 'a=b');
        return response.end(gzipSync(PAGE));
      }
      response.setHeader('Content-Type', 'application/json');
      return request.pipe(response);
    });
    await new Promise<void>((resolve) => origin.listen(0, '127.0.0.1', resolve));
    const url = `http://127.0.0.1:${(origin.address() as AddressInfo).port}/`;
    const browser = await launchChromium(null);
    const recorded = path.join(folder, 'recorded.har');
    const exported = path.join(folder, 'exported.har');
    try {
      const recording = await browser.newContext({ recordHar: { path: recorded, content: 'embed' } });
      const first = await recording.newPage();
      await first.goto(url);
      const seen = await (await first.waitForFunction('window.result')).jsonValue();
      await recording.close();
      origin.close();
      origin.closeAllConnections();

      const imported = [...importHar(readFileSync(recorded, 'utf8'), recorded, 1)];
      const byPath = new Map(imported.map((each) => [each.exchange.summary.path, each]));
      expect(byPath.get('/octets')!.responseOctets!.equals(OCTETS)).toBe(true);
      expect(byPath.get('/')!.responseOctets!.toString()).toBe(PAGE);
      expect(byPath.get('/echo?q=1')!.requestOctets!.toString()).toBe('{"a":"é"}');
      expect(byPath.get('/')!.exchange.summary).toMatchObject({ status: 200, host: '127.0.0.1', contentType: 'text/html' });

      let text = '';
      for await (const piece of exportHar(imported, '1.0', null)) text += piece;
      HAR.parse(JSON.parse(text));
      writeFileSync(exported, text);
      const replaying = await browser.newContext();
      await replaying.routeFromHAR(exported, { notFound: 'abort' });
      const second = await replaying.newPage();
      await second.goto(url);
      expect(await (await second.waitForFunction('window.result')).jsonValue()).toEqual(seen);
    } finally {
      await browser.close();
      origin.close();
    }
  });
});
