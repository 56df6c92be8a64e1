// curl through the proxy: methods, both framings of content, ranges, tunnels, and what it is told when the proxy itself answers.
import { randomBytes } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import type { RequestListener } from 'node:http';
import path from 'node:path';
import { gunzipSync, gzipSync } from 'node:zlib';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { describeWith, run, succeed } from '../support/programs.ts';
import { type ProxyProcess, runProxy } from '../support/run-proxy.ts';
import { serveFiles } from '../support/serve-files.ts';
import { createTemporaryCa, type TemporaryCa } from '../support/temp-ca.ts';
import { temporaryFolder } from '../support/temp-files.ts';
import { startWebOrigin, type WebOrigin } from '../support/web-origin.ts';

const POLICY = `version: 1
default: allow
connect_ports: any
rules:
  - name: Adverts
    deny: { host: ads.test }
    message: No adverts here.
`;

describeWith(['curl', 'openssl'], 'curl', () => {
  const folder = temporaryFolder(afterAll);
  const content = randomBytes(3_000_000);
  const policy = path.join(folder, 'policy.yaml');
  const socketFile = path.join(folder, 's.sock');
  let ca: TemporaryCa;
  let proxy: ProxyProcess;
  let origin: WebOrigin;
  let secureOrigin: WebOrigin;

  beforeAll(async () => {
    writeFileSync(policy, POLICY);
    writeFileSync(path.join(folder, 'content'), content);
    ca = createTemporaryCa(folder);
    origin = await startWebOrigin(respondFrom(folder));
    secureOrigin = await startWebOrigin(respondFrom(folder), ca.issue('localhost'));
    proxy = await runProxy('--policy', policy, '--listen', '[::1]:0', '--listen', `unix:${socketFile}`);
  });
  afterAll(async () => {
    await proxy.stop();
    await Promise.all([origin.close(), secureOrigin.close()]);
  });
  beforeEach(() => {
    (origin.requests as unknown[]).length = 0;
  });

  /** Fails on a status of 400 and more, and on a transfer that broke off. */
  function curl(...words: string[]): Promise<Buffer> {
    return succeed('curl', ['--proxy', proxy.url, '--noproxy', '', ...QUIET, '--fail', ...words]);
  }

  test('GET brings the content unchanged, and the origin sees Via', async () => {
    expect((await curl(`${origin.url}/content`)).equals(content)).toBe(true);
    expect(origin.requests).toMatchObject([{ method: 'GET', url: '/content', headers: { via: expect.stringMatching(/^1\.1 /) } }]);
  });

  test('HEAD brings the length and no content', async () => {
    const head = (await curl('--head', `${origin.url}/content`)).toString();
    expect(head).toMatch(/^HTTP\/1\.1 200 /);
    expect(head).toContain(`Content-Length: ${content.length}\r\n`);
  });

  test('POST by length', async () => {
    const echoed = await curl('--data-binary', `@${folder}/content`, '-H', 'Expect:', `${origin.url}/echo`);
    expect(echoed.equals(content)).toBe(true);
    expect(origin.requests).toMatchObject([{ headers: { 'content-length': String(content.length) } }]);
  });

  test('POST in chunks, sent once the origin has said 100 (Continue)', async () => {
    const words = ['--data-binary', `@${folder}/content`, '-H', 'Transfer-Encoding: chunked', '-H', 'Expect: 100-continue'];
    const { out, err } = await run('curl', ['--proxy', proxy.url, ...QUIET, '-v', '--fail', ...words, `${origin.url}/echo`]);
    expect(out.equals(content)).toBe(true);
    expect(err).toContain('< HTTP/1.1 100 Continue');
    expect(origin.requests).toMatchObject([{ headers: { 'transfer-encoding': 'chunked', expect: '100-continue' } }]);
  });

  test('an upload from a pipe, whose length nobody knows', async () => {
    const words = ['--upload-file', '-', `${origin.url}/echo`];
    const echoed = await succeed('curl', ['--proxy', proxy.url, ...QUIET, '--fail', ...words], { input: content });
    expect(echoed.equals(content)).toBe(true);
    expect(origin.requests).toMatchObject([{ method: 'PUT', headers: { 'transfer-encoding': 'chunked' } }]);
  });

  test('a range', async () => {
    expect((await curl('--range', '1000-1999', `${origin.url}/content`)).equals(content.subarray(1000, 2000))).toBe(true);
  });

  test('a download goes on where it stopped', async () => {
    const file = path.join(folder, 'part');
    writeFileSync(file, content.subarray(0, 1_234_567));
    await curl('--continue-at', '-', '--output', file, `${origin.url}/content`);
    expect(readFileSync(file).equals(content)).toBe(true);
    expect(origin.requests).toMatchObject([{ headers: { range: 'bytes=1234567-' } }]);
  });

  test('HTTP/1.0', async () => {
    expect((await curl('--http1.0', `${origin.url}/content`)).equals(content)).toBe(true);
    expect((await curl('--http1.0', `${origin.url}/chunked`)).equals(content)).toBe(true);
  });

  test('the chunked coding and a content coding pass as they are', async () => {
    expect((await curl(`${origin.url}/chunked`)).equals(content)).toBe(true);
    expect(gunzipSync(await curl(`${origin.url}/gzip`)).equals(content)).toBe(true);
    expect((await curl('--compressed', `${origin.url}/gzip`)).equals(content)).toBe(true);
  });

  test('twenty transfers at once do not mix', async () => {
    const outputs = Array.from({ length: 20 }, (_, index) => path.join(folder, `parallel-${index}`));
    const ranges = outputs.map((_, index) => `${index * 1000}-${2_000_000 + index * 1000}`);
    const each = outputs.flatMap((file, index) => [
      '--next',
      ...QUIET,
      '--proxy',
      proxy.url,
      '-r',
      ranges[index]!,
      '-o',
      file,
      `${origin.url}/content`,
    ]);
    await succeed('curl', ['--parallel', ...each.slice(1)]);
    for (const [index, file] of outputs.entries()) {
      expect(readFileSync(file).equals(content.subarray(index * 1000, 2_000_001 + index * 1000)), file).toBe(true);
    }
  });

  test.each([404, 500])("the origin's %d comes from the origin", async (status) => {
    const { code, out } = await run('curl', ['--proxy', proxy.url, ...QUIET, '--include', `${origin.url}/status/${status}`]);
    expect(code).toBe(0);
    expect(out.toString()).toMatch(new RegExp(`^HTTP/1.1 ${status} [\\s\\S]*\r\n\r\norigin says ${status}$`));
    expect(out.toString()).not.toMatch(/^proxy-status:/im);
  });

  test('five requests share one connection to the proxy and one to the origin', async () => {
    let accepted = 0;
    const fresh = await startWebOrigin(respondFrom(folder));
    fresh.server.on('connection', () => (accepted += 1));
    const urls = Array.from({ length: 5 }, (_, index) => `${fresh.url}/status/20${index}`);
    const out = await curl('--write-out', '%{num_connects} %{response_code}\n', ...urls.flatMap((url) => ['--output', '/dev/null', url]));
    await fresh.close();
    expect(out.toString()).toBe('1 200\n0 201\n0 202\n0 203\n0 204\n');
    expect(accepted).toBe(1);
  });

  test('a tunnel to a plain origin (-p)', async () => {
    expect((await curl('--proxytunnel', `${origin.url}/content`)).equals(content)).toBe(true);
    expect(origin.requests[0]!.headers.via).toBeUndefined();
    await proxy.logged(({ method, target }) => method === 'CONNECT' && target === `127.0.0.1:${origin.port}`);
  });

  test('HTTPS through a tunnel, download and upload', async () => {
    const trust = ['--cacert', ca.certFile];
    expect((await curl(...trust, `${secureOrigin.url}/content`)).equals(content)).toBe(true);
    expect((await curl(...trust, '--data-binary', `@${folder}/content`, `${secureOrigin.url}/echo`)).equals(content)).toBe(true);
    const line = await proxy.logged(({ target }) => target === `localhost:${secureOrigin.port}`);
    // What curl has not read when it closes, such as a session ticket, its system answers with a reset.
    expect(line).toMatchObject({ method: 'CONNECT', status: 200, outcome: expect.stringMatching(/^(?:tunnelled|aborted)$/) });
    expect(line.bytes_out).toBeGreaterThan(content.length);
  });

  test('the proxy listens on IPv6 and on a Unix socket as well', async () => {
    const [, overIPv6] = proxy.listening;
    expect(await succeed('curl', ['--proxy', overIPv6!, ...QUIET, '--fail', `${origin.url}/status/200`])).toEqual(
      Buffer.from('origin says 200'),
    );
    // curl has no word for an HTTP proxy on a Unix socket: it connects to one, and is told what to ask for.
    const words = ['--unix-socket', socketFile, '--request-target', `${origin.url}/content`, 'http://proxy.invalid/'];
    expect((await succeed('curl', [...QUIET, '--fail', ...words])).equals(content)).toBe(true);
  });

  test('a denial is text that names the rule', async () => {
    const { code, out } = await run('curl', ['--proxy', proxy.url, ...QUIET, '--include', 'http://ads.test/banner?id=1']);
    expect(code).toBe(0);
    const [head, page] = out.toString().split('\r\n\r\n') as [string, string];
    expect(head).toMatch(/^HTTP\/1\.1 403 Denied by rule 'Adverts' \(policy\.yaml:\d+\)\r\n/);
    expect(head).toMatch(/^Content-Type: text\/plain/im);
    expect(head).toMatch(/^Proxy-Status: .*error=http_request_denied/im);
    expect(page.replaceAll('\n', ' ')).toContain("rule 'Adverts'");
    expect(page.replaceAll('\n', ' ')).toContain('No adverts here.');
    expect(page.trimEnd().split('\n').length).toBeLessThanOrEqual(10);
  });

  test('a denial is problem details for who asks for JSON (RFC 9457)', async () => {
    const { out } = await run('curl', [
      '--proxy',
      proxy.url,
      ...QUIET,
      '-H',
      'Accept: application/json',
      '-w',
      '%{content_type}',
      'http://ads.test/',
    ]);
    const text = out.toString();
    const end = text.lastIndexOf('}') + 1;
    expect(text.slice(end).trim()).toBe('application/problem+json');
    expect(JSON.parse(text.slice(0, end))).toMatchObject({ status: 403, code: 'http_request_denied', rule_message: 'No adverts here.' });
  });

  test('a denied tunnel is a 403, which curl names', async () => {
    const { code, err } = await run('curl', ['--proxy', proxy.url, ...QUIET, 'https://ads.test/']);
    expect(code).toBe(CONNECT_FAILED);
    expect(err).toContain('response 403');
  });

  test('an origin that refuses, and a name that does not exist, are 502 with their code', async () => {
    const closed = await startWebOrigin(respondFrom(folder));
    await closed.close();
    for (const [url, error] of [
      [closed.url, 'connection_refused'],
      ['http://no-such-host.invalid/', 'dns_error'],
    ]) {
      const { out } = await run('curl', ['--proxy', proxy.url, ...QUIET, '--head', url!]);
      expect(out.toString()).toMatch(/^HTTP\/1\.1 502 /);
      expect(out.toString()).toMatch(new RegExp(`^Proxy-Status: .*error=${error}`, 'im'));
    }
  });

  test('an origin that breaks off is a broken transfer for curl too', async () => {
    for (const framing of ['length', 'chunks']) {
      const { code } = await run('curl', ['--proxy', proxy.url, ...QUIET, `${origin.url}/break/${framing}`]);
      expect(BROKEN_OFF, framing).toContain(code);
    }
  });
});

/** Files, and a few targets that do as their name says. */
function respondFrom(folder: string): RequestListener {
  const files = serveFiles(folder);
  return (request, response) => {
    const [, verb, argument] = (request.url ?? '').split('/');
    switch (verb) {
      case 'echo':
        request.pipe(response);
        return;
      case 'status':
        response.writeHead(Number(argument), { 'Content-Type': 'text/plain' }).end(`origin says ${argument}`);
        return;
      case 'chunked':
        response.write(readFileSync(path.join(folder, 'content')));
        response.end();
        return;
      case 'gzip':
        response.setHeader('Content-Encoding', 'gzip').end(gzipSync(readFileSync(path.join(folder, 'content'))));
        return;
      case 'break':
        if (argument === 'length') response.setHeader('Content-Length', 1_000_000);
        response.write('a beginning', () => response.destroy());
        return;
      default:
        files(request, response);
    }
  };
}

const QUIET = ['--disable', '--silent', '--show-error'];
/** curl's exit codes: the proxy refused the tunnel; the transfer ended early, or with a reset. */
const CONNECT_FAILED = 56;
const BROKEN_OFF = [18, 56];
