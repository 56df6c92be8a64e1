// What Go's module downloads and container engines ask of a server, asked by curl: their own programs are half a gigabyte, and what they send is known.
// Modules are plain files that never change; layers come by digest, in ranges, and mostly with a token, which decides whether they may be shared at all.
import { createHash, randomBytes } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import type { RequestListener, ServerResponse } from 'node:http';
import path from 'node:path';
import { beforeEach, describe, expect, onTestFinished, test } from 'vitest';
import { type CacheHome, cacheIn, expectOnlyHits } from '../support/cached-proxy.ts';
import { describeWith, succeed } from '../support/programs.ts';
import { temporaryFolder } from '../support/temp-files.ts';
import { startWebOrigin, type WebOrigin } from '../support/web-origin.ts';

describeWith(['curl'], 'downloads, from the cache', () => {
  let folder: string;
  let home: CacheHome;
  beforeEach(() => {
    folder = temporaryFolder(onTestFinished);
    home = cacheIn(folder);
  });

  /** @returns status, and content as it came */
  async function fetch(proxyUrl: string, url: string, ...words: string[]): Promise<{ status: number; fields: string; content: Buffer }> {
    const [file, head] = [path.join(folder, 'content'), path.join(folder, 'head')];
    writeFileSync(file, '');
    const out = await succeed('curl', ['-s', '--proxy', proxyUrl, '-o', file, '-D', head, '-w', '%{http_code}', ...words, url]);
    return { status: Number(out), fields: readFileSync(head, 'latin1'), content: readFileSync(file) };
  }

  test('Go modules are there while the module proxy is gone, and a version that nobody has fetched is a 504 that says so', async () => {
    const zip = randomBytes(300_000);
    const origin = await startWebOrigin(serveModules(zip));
    const base = `${origin.url}/example.org/module/@v`;
    const online = await home.start();
    for (const file of MODULE_FILES) expect(await fetch(online.url, `${base}/${file}`), file).toMatchObject({ status: 200 });
    await online.stop();
    await origin.close();

    const offline = await home.start('--offline');
    for (const file of MODULE_FILES) expect(await fetch(offline.url, `${base}/${file}`), file).toMatchObject({ status: 200 });
    expect((await fetch(offline.url, `${base}/v1.0.0.zip`)).content.equals(zip)).toBe(true);
    const { status, content } = await fetch(offline.url, `${base}/v1.1.0.zip`);
    expect(status).toBe(504);
    expect(content.toString()).toMatch(/^504 Gateway Timeout: Nothing stored here can answer this request\n/);
    expect(content.toString().replaceAll('\n', ' ')).toContain('This proxy is offline');
    const log = await offline.stop();
    expectOnlyHits(log.slice(0, -1));
    expect(log.at(-1)).toMatchObject({ status: 504, cache: 'none', cache_why: 'uri-miss', upstream: null });
  });

  describe('container layers', () => {
    const layer = randomBytes(2_000_000);
    const digest = `sha256:${createHash('sha256').update(layer).digest('hex')}`;
    const manifest = Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType: MANIFEST, layers: [{ digest, size: layer.length }] }));
    const manifestDigest = `sha256:${createHash('sha256').update(manifest).digest('hex')}`;
    const TOKEN = ['-H', 'Authorization: Bearer a.token.of-one-user'];

    /** As an engine pulls: the manifest by HEAD and by GET, then the layer, here in two ranges. */
    async function pull(proxyUrl: string, { url }: WebOrigin, ...words: string[]): Promise<void> {
      const byDigest = `${url}/v2/library/image/manifests/${manifestDigest}`;
      const accept = ['-H', `Accept: ${MANIFEST}`];
      const got = await fetch(proxyUrl, byDigest, ...accept, ...words);
      expect(got.content.equals(manifest)).toBe(true);
      const head = await fetch(proxyUrl, byDigest, '-I', ...accept, ...words);
      expect(head).toMatchObject({ status: 200, fields: expect.stringContaining(`Docker-Content-Digest: ${manifestDigest}`) });
      const blob = `${url}/v2/library/image/blobs/${digest}`;
      expect((await fetch(proxyUrl, blob, ...words)).content.equals(layer)).toBe(true);
      const rest = await fetch(proxyUrl, blob, '-r', '1500000-', ...words);
      expect({ status: rest.status, isSame: rest.content.equals(layer.subarray(1_500_000)) }).toEqual({ status: 206, isSame: true });
    }

    test('are pulled again while the registry is gone, whole and in ranges', async () => {
      const origin = await startWebOrigin(serveImage('max-age=31536000'));
      const online = await home.start();
      await pull(online.url, origin);
      await online.stop();
      await origin.close();
      const offline = await home.start('--offline');
      await pull(offline.url, origin);
      const log = await offline.stop();
      expect(log).toHaveLength(4);
      expectOnlyHits(log);
    });

    test("that came for a token are nobody else's, and cache why says what would change it (RFC 9111 §3.5)", async () => {
      const origin = await startWebOrigin(serveImage('max-age=31536000'));
      const proxy = await home.start();
      await pull(proxy.url, origin, ...TOKEN);
      await pull(proxy.url, origin, ...TOKEN);
      const why = await home.say('cache', 'why', `${origin.url}/v2/library/image/blobs/${digest}`, '-H', 'Authorization: Bearer x');
      const log = await proxy.stop();
      await origin.close();
      expect(log.filter(({ cache }) => cache !== 'forwarded')).toEqual([]);
      expect(new Set(log.filter(({ method }) => method === 'GET').map(({ stored }) => stored))).toEqual(new Set(['authorization']));
      expect(why.out.toString()).toContain(
        'not stored: the request had Authorization, and none of public, must-revalidate and s-maxage allows it',
      );
      expect(why.out.toString()).toContain('smallest change at the origin: add public or s-maxage');
      expect(why.out.toString()).not.toContain('a.token');
    });

    test.each([
      ['the registry shares with s-maxage', 'max-age=60, s-maxage=31536000', null],
      ['the operator shares with a rule', 'max-age=60', 'cache: { ttl: 30d, force: true }'],
    ])('that came for a token and that %s are there for everybody', async (_who, cacheControl, terms) => {
      const policy = path.join(folder, 'policy.yaml');
      const rule = terms === null ? '' : `rules:\n  - allow: { host: 127.0.0.1, path: /v2/* }\n    ${terms}\n`;
      writeFileSync(policy, `version: 1\ndefault: allow\n${rule}`);
      const origin = await startWebOrigin(serveImage(cacheControl));
      const online = await home.start('--policy', policy);
      await pull(online.url, origin, ...TOKEN);
      await online.stop();
      await origin.close();
      const offline = await home.start('--policy', policy, '--offline');
      await pull(offline.url, origin, '-H', 'Authorization: Bearer another.token');
      expectOnlyHits(await offline.stop());
    });

    function serveImage(cacheControl: string): RequestListener {
      return (request, response) => {
        const [content, type, name] = request.url?.includes('/manifests/')
          ? ([manifest, MANIFEST, manifestDigest] as const)
          : ([layer, 'application/octet-stream', digest] as const);
        response.setHeader('Docker-Content-Digest', name).setHeader('ETag', `"${name}"`).setHeader('Cache-Control', cacheControl);
        response.setHeader('Content-Type', type).setHeader('Accept-Ranges', 'bytes');
        sendRange(content, request.headers.range, request.method === 'HEAD', response);
      };
    }
  });
});

function sendRange(content: Buffer, range: string | undefined, isHead: boolean, response: ServerResponse): void {
  const [, from] = /^bytes=(\d+)-$/.exec(range ?? '') ?? [];
  const part = content.subarray(Number(from ?? 0));
  if (from !== undefined) response.setHeader('Content-Range', `bytes ${from}-${content.length - 1}/${content.length}`);
  response.setHeader('Content-Length', part.length).writeHead(from === undefined ? 200 : 206);
  response.end(isHead ? undefined : part);
}

/** As the public module proxy has it: the list of versions holds for a minute, what belongs to a version for hours. */
function serveModules(zip: Buffer): RequestListener {
  return (request, response) => {
    const file = path.basename(request.url ?? '');
    response.setHeader('Cache-Control', file === 'list' ? 'public, max-age=60' : 'public, max-age=10800').setHeader('ETag', `"${file}"`);
    if (!MODULE_FILES.includes(file)) response.writeHead(404).end('not found: unknown revision\n');
    else if (file.endsWith('.zip')) response.setHeader('Content-Type', 'application/zip').end(zip);
    else response.setHeader('Content-Type', 'text/plain').end(`${file}\n`);
  };
}

const MODULE_FILES: readonly string[] = ['list', 'v1.0.0.info', 'v1.0.0.mod', 'v1.0.0.zip'];
const MANIFEST = 'application/vnd.oci.image.manifest.v1+json';
