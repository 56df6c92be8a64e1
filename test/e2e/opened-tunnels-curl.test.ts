// curl and wget through tunnels that the proxy opens: both versions of HTTP, large content both ways, and what they say of a certificate that they do not
// believe.
import { createHash, randomBytes } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import type { Http2ServerRequest, Http2ServerResponse } from 'node:http2';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type DualOrigin, startDualOrigin } from '../support/dual-origin.ts';
import { type OpeningProcess, runOpeningProxy } from '../support/opening-process.ts';
import { describeWith, run, succeed } from '../support/programs.ts';
import { createTemporaryCa, type TemporaryCa } from '../support/temp-ca.ts';
import { temporaryFolder } from '../support/temp-files.ts';

const RULES = `  - name: Secrets
    deny: { host: localhost, path: /secret/* }
  - intercept: { host: localhost }
`;

describeWith(['curl', 'openssl', 'wget'], 'curl and wget, through opened tunnels', () => {
  const folder = temporaryFolder(afterAll);
  const content = randomBytes(50_000_000);
  const file = path.join(folder, 'content');
  let ca: TemporaryCa;
  let proxy: OpeningProcess;
  let origin: DualOrigin;

  beforeAll(async () => {
    writeFileSync(file, content);
    ca = createTemporaryCa(folder);
    // MiB: with the usual ten it refuses streams while this much waits to be sent.
    origin = await startDualOrigin(ca, respondWith(content), { maxSessionMemory: 200 });
    proxy = await runOpeningProxy(folder, ca, RULES);
  });
  afterAll(async () => {
    await proxy.stop();
    await origin.close();
  });

  function curl(version: string, ...words: string[]): Promise<Buffer> {
    return succeed('curl', [...QUIET, version, '--proxy', proxy.url, '--cacert', proxy.authorityFile, '--fail', ...words]);
  }

  describe.each([
    ['--http1.1', '1.1'],
    ['--http2', '2'],
  ])('curl %s', (flag, version) => {
    test('speaks that version with the proxy, and the proxy with the origin', async () => {
      const before = origin.versions.length;
      const words = ['--output', '/dev/null', '--write-out', '%{http_version} %{ssl_verify_result}', `${origin.url}/version/${version}`];
      expect((await curl(flag, ...words)).toString()).toBe(`${version} 0`);
      expect(origin.versions.slice(before)).toEqual([version === '2' ? '2.0' : '1.1']);
      const line = await proxy.logged(({ target }) => target === `${origin.url}/version/${version}`);
      expect(line).toMatchObject({ version, upstream_version: version, status: 200, outcome: 'forwarded', connect: expect.any(Number) });
    });

    test('downloads 50 MB', async () => {
      expect((await curl(flag, `${origin.url}/content`)).equals(content)).toBe(true);
    });

    test('uploads 50 MB by length, and from a pipe, whose length nobody knows', async () => {
      const digest = createHash('sha256').update(content).digest('hex');
      expect((await curl(flag, '--data-binary', `@${file}`, '-H', 'Expect:', `${origin.url}/digest`)).toString()).toBe(digest);
      const words = ['--proxy', proxy.url, '--cacert', proxy.authorityFile, '--fail', '--upload-file', '-', `${origin.url}/digest`];
      expect((await succeed('curl', [...QUIET, flag, ...words], { input: content })).toString()).toBe(digest);
    });

    test('sends and receives 50 MB at once', async () => {
      const echoed = await curl(flag, '--data-binary', `@${file}`, '-H', 'Expect:', `${origin.url}/echo`);
      expect(echoed.equals(content)).toBe(true);
    });

    test('twenty transfers at once do not mix', async () => {
      const outputs = Array.from({ length: 20 }, (_, index) => path.join(folder, `parallel-${version}-${index}`));
      const transfers = outputs.flatMap((output, index) => ['--output', output, `${origin.url}/part/${index}`]);
      await curl(flag, '--parallel', '--parallel-immediate', ...transfers);
      for (const [index, output] of outputs.entries()) expect(readFileSync(output).equals(partOf(content, index)), output).toBe(true);
    });

    test('requests one after the other share one tunnel', async () => {
      const transfers = Array.from({ length: 5 }, (_, index) => ['--output', '/dev/null', `${origin.url}/small/${index}`]).flat();
      const out = await curl(flag, '--write-out', '%{num_connects} %{response_code}\n', ...transfers);
      expect(out.toString()).toBe(`1 200\n${'0 200\n'.repeat(4)}`);
    });

    test('is told of a denied path inside, and by which rule', async () => {
      const words = [...QUIET, flag, '--proxy', proxy.url, '--cacert', proxy.authorityFile, '--include', `${origin.url}/secret/a`];
      const { code, out } = await run('curl', words);
      expect(code).toBe(0);
      expect(out.toString()).toMatch(new RegExp(`^HTTP/1.1 200 [\\s\\S]*\r\n\r\nHTTP/${version} 403`));
      expect(out.toString()).toContain("rule 'Secrets'");
    });

    test('says that it does not trust the certificate, and the record has its words', async () => {
      const { code, err } = await run('curl', [...QUIET, flag, '--proxy', proxy.url, '--cacert', ca.certFile, `${origin.url}/distrusted`]);
      expect(code).toBe(DISTRUSTED);
      expect(err).toContain('unable to get local issuer certificate');
      const line = await proxy.logged(({ interception }) => interception === 'refused');
      expect(line).toMatchObject({ method: 'CONNECT', outcome: 'aborted', interception_why: expect.stringContaining('unknown_ca') });
    });
  });

  test('wget downloads 50 MB, and says what it does not trust', async () => {
    const env = { https_proxy: proxy.url };
    const out = await succeed('wget', [...WGET_QUIET, `--ca-certificate=${proxy.authorityFile}`, `${origin.url}/content`], { env });
    expect(out.equals(content)).toBe(true);
    const { code, err } = await run('wget', [...WGET_QUIET, `--ca-certificate=${ca.certFile}`, `${origin.url}/content`], { env });
    expect(code).toBe(WGET_DISTRUSTED);
    expect(err).toMatch(/certificate of .localhost. is not trusted/);
  });

  test('wget uploads 50 MB', async () => {
    const words = [...WGET_QUIET, `--ca-certificate=${proxy.authorityFile}`, `--post-file=${file}`, `${origin.url}/digest`];
    const out = await succeed('wget', words, { env: { https_proxy: proxy.url } });
    expect(out.toString()).toBe(createHash('sha256').update(content).digest('hex'));
  });
});

/** What may be asked of the origin: its content, a part of it, a few octets; or what was sent, as it came or as its digest. */
function respondWith(content: Buffer): (request: Http2ServerRequest, response: Http2ServerResponse) => void {
  return (request, response) => {
    const [, place, argument] = request.url.split('/');
    // With its length: under load Node ends streams with a reset (NO_ERROR) where the end of content should be said, and then the length tells them apart.
    const send = (bytes: Buffer): void => {
      response.setHeader('Content-Length', bytes.length);
      response.end(bytes);
    };
    switch (place) {
      case 'content':
        send(content);
        return;
      case 'part':
        send(partOf(content, Number(argument)));
        return;
      case 'echo':
        request.pipe(response);
        return;
      case 'digest': {
        const digest = createHash('sha256');
        request.on('data', (bytes: Buffer) => digest.update(bytes));
        request.on('end', () => response.end(digest.digest('hex')));
        return;
      }
      default:
        response.end('a few octets');
    }
  };
}

function partOf(content: Buffer, index: number): Buffer {
  return content.subarray(index * 1_000, 1_000_000 + index * 2_000);
}

const QUIET = ['--disable', '--silent', '--show-error'];
const WGET_QUIET = ['--no-config', '--no-verbose', '--tries=1', '--output-document=-'];
/** Exit codes: the certificate of the other side is not believed. */
const DISTRUSTED = 60;
const WGET_DISTRUSTED = 5;
