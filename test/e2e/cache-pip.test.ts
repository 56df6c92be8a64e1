// pip from the cache: a wheel that one machine has installed another one installs although the index is gone.
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import type { RequestListener } from 'node:http';
import path from 'node:path';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import { cacheIn, expectOnlyHits } from '../support/cached-proxy.ts';
import { writeOpeningFiles } from '../support/opening-process.ts';
import { describeWith, type Ended, run, succeed } from '../support/programs.ts';
import { createTemporaryCa } from '../support/temp-ca.ts';
import { temporaryFolder } from '../support/temp-files.ts';
import { startWebOrigin } from '../support/web-origin.ts';

describeWith(['pip3', 'python3'], 'pip, from the cache', () => {
  let wheel: Buffer;
  beforeAll(async () => {
    wheel = await buildWheel();
  });

  /** An environment in which nothing is installed yet. @param trust whom it believes, or which host without proof */
  function machine(proxyUrl: string, index: string, trust = ['--trusted-host', '127.0.0.1']) {
    const folder = temporaryFolder(onTestFinished);
    const target = path.join(folder, 'packages');
    const words = [
      '--isolated',
      '--disable-pip-version-check',
      '--no-cache-dir',
      '--retries',
      '0',
      '--timeout',
      '120',
      '--proxy',
      proxyUrl,
      ...trust,
    ];
    return {
      target,
      install: (name: string): Promise<Ended> =>
        run('pip3', ['install', ...words, '--index-url', `${index}/simple`, '--target', target, name], { env: { HOME: folder } }),
    };
  }

  test('installs a wheel while the index is gone, and says what nobody has fetched', async () => {
    const home = cacheIn(temporaryFolder(onTestFinished));
    const origin = await startWebOrigin(serveIndex(wheel));
    const online = await home.start();
    const first = machine(online.url, origin.url);
    expect(await first.install('sallyport-test')).toMatchObject({ code: 0 });
    await online.stop();
    await origin.close();

    // pip wants the page of a project no older than this moment (max-age=0), and offline that takes an operator who wants it all the same.
    const offline = await home.start('--offline', '--stale-ok');
    const second = machine(offline.url, origin.url);
    expect(await second.install('sallyport-test')).toMatchObject({ code: 0 });
    expect(readdirSync(second.target).sort()).toEqual(['sallyport_test', 'sallyport_test-1.0.dist-info']);
    expect(readFileSync(path.join(second.target, 'sallyport_test/content')).length).toBe(CONTENT_BYTES);
    expect(await second.install('never-fetched')).toMatchObject({ code: 1, err: expect.stringContaining('No matching distribution') });
    const log = await offline.stop();
    const missing = log.filter(({ target }) => target.includes('never-fetched'));
    expect(missing).toMatchObject([{ status: 504, cache: 'none', cache_why: 'uri-miss', upstream: null }]);
    expectOnlyHits(log.filter((line) => !missing.includes(line)));
    expect(log).toHaveLength(3);
  });

  test('does the same through tunnels that the proxy opens', async () => {
    const folder = temporaryFolder(onTestFinished);
    const ca = createTemporaryCa(folder);
    const { words, authorityFile } = writeOpeningFiles(folder, ca);
    const origin = await startWebOrigin(serveIndex(wheel), ca.issue('localhost'));
    const home = cacheIn(folder);
    const online = await home.start(...words);
    const trust = ['--cert', authorityFile];
    expect(await machine(online.url, origin.url, trust).install('sallyport-test')).toMatchObject({ code: 0 });
    await online.stop();
    await origin.close();

    const offline = await home.start('--offline', '--stale-ok', ...words);
    const second = machine(offline.url, origin.url, trust);
    expect(await second.install('sallyport-test')).toMatchObject({ code: 0 });
    expect(readFileSync(path.join(second.target, 'sallyport_test/content')).length).toBe(CONTENT_BYTES);
    expectOnlyHits((await offline.stop()).filter(({ connect }) => connect !== undefined));
  });
});

/** A wheel is a zip file with a few files about itself. */
async function buildWheel(): Promise<Buffer> {
  const file = path.join(temporaryFolder(afterAll), WHEEL);
  await succeed('python3', [
    '-c',
    `
import os, sys, zipfile
about = 'sallyport_test-1.0.dist-info'
with zipfile.ZipFile(sys.argv[1], 'w') as wheel:
    wheel.writestr('sallyport_test/content', os.urandom(${CONTENT_BYTES}))
    wheel.writestr(f'{about}/METADATA', 'Metadata-Version: 2.1\\nName: sallyport-test\\nVersion: 1.0\\n')
    wheel.writestr(f'{about}/WHEEL', 'Wheel-Version: 1.0\\nGenerator: test\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n')
    names = ['sallyport_test/content', f'{about}/METADATA', f'{about}/WHEEL', f'{about}/RECORD']
    wheel.writestr(f'{about}/RECORD', ''.join(f'{name},,\\n' for name in names))
`,
    file,
  ]);
  return readFileSync(file);
}

/** An index of one project, as the public one has it: a page that holds for ten minutes, and a file that never changes. */
function serveIndex(wheel: Buffer): RequestListener {
  const digest = createHash('sha256').update(wheel).digest('hex');
  return (request, response) => {
    if (request.url === '/simple/sallyport-test/') {
      response.setHeader('Cache-Control', 'max-age=600, public').setHeader('ETag', '"page"').setHeader('Vary', 'Accept, Accept-Encoding');
      response.setHeader('Content-Type', 'text/html').end(`<!doctype html><a href="/files/${WHEEL}#sha256=${digest}">${WHEEL}</a>`);
    } else if (request.url === `/files/${WHEEL}`) {
      response.setHeader('Cache-Control', 'max-age=365000000, immutable, public').setHeader('ETag', `"${digest}"`);
      response.setHeader('Content-Type', 'application/octet-stream').end(wheel);
    } else response.writeHead(404).end();
  };
}

const WHEEL = 'sallyport_test-1.0-py3-none-any.whl';
const CONTENT_BYTES = 500_000;
