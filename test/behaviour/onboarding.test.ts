// The page that helps to trust the certificate, on the proxy's own address, under the name that only its clients reach, and inside a tunnel to that
// name: what is served to whom, that no policy stands before it, and that it knows who trusts the certificate.
import { X509Certificate } from 'node:crypto';
import { existsSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { LEAF_DEFAULTS } from '../../src/tls/options.ts';
import { connectThrough, type OpeningProxy, openTunnel, startOpeningProxy } from '../support/opened-tunnels.ts';
import { connectRaw, type Destination, type FinalResponse } from '../support/raw-client.ts';
import { startTestProxy } from '../support/start-proxy.ts';
import { valuesOf } from '../support/strict-message.ts';
import { createTemporaryCa } from '../support/temp-ca.ts';
import { temporaryFile, temporaryFolder } from '../support/temp-files.ts';
import { failure, refusedConnect } from '../support/tunnels.ts';

const folder = temporaryFolder(afterAll);
const ca = createTemporaryCa(folder);
const NAME = 'sallyport.invalid';
let proxy: OpeningProxy;
let certificate: X509Certificate;
beforeAll(async () => {
  proxy = await startOpeningProxy(folder, ca);
  certificate = new X509Certificate(proxy.authority);
});
afterAll(() => proxy.close());

async function ask(of: Destination, requestLine: string, ...fields: string[]): Promise<FinalResponse> {
  using client = await connectRaw(of);
  await client.send(`${requestLine} HTTP/1.1\r\n${['Host: proxy.example:3128', ...fields].map((line) => `${line}\r\n`).join('')}\r\n`);
  return await client.readResponse(requestLine.slice(0, requestLine.indexOf(' ')));
}

const text = ({ body }: FinalResponse): string => body.toString();
const value = ({ fields }: FinalResponse, name: string): string => valuesOf(fields, name).join();

describe.each([
  ['its own address', ''],
  ['the name for its clients', `http://${NAME}`],
])('under %s', (_, base) => {
  it('a browser gets the page for its platform, or for the one that it chooses', async () => {
    const agent = 'User-Agent: Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/130.0 Safari/537.36';
    const index = proxy.flows.length;
    const page = await ask(proxy, `GET ${base}/`, 'Accept: text/html', agent);
    expect(page.status).toBe(200);
    expect(text(page)).toContain('<h2>For Windows</h2>');
    expect(value(page, 'cache-control')).toBe('no-store');
    expect(value(page, 'content-security-policy')).toContain("default-src 'none'");
    expect(await proxy.flow(index)).toMatchObject({ outcome: 'answered', status: 200, error: null, decision: null, route: null });
    expect(text(await ask(proxy, `GET ${base}/?for=fedora`, 'Accept: text/html', agent))).toContain('<h2>For Fedora</h2>');
    expect(text(await ask(proxy, `GET ${base}/?for=constructor`, 'Accept: text/html', agent))).toContain('<h2>For Windows</h2>');
  });

  it('a program gets it as text or as JSON', async () => {
    expect(text(await ask(proxy, `GET ${base}/`, 'Accept: */*'))).toContain(certificate.fingerprint256.slice(0, 47));
    const answer = JSON.parse(text(await ask(proxy, `GET ${base}/`, 'Accept: application/json')));
    expect(answer.certificate.sha256).toBe(certificate.fingerprint256);
    expect(answer.address).toBe(base === '' ? 'http://proxy.example:3128' : base);
  });

  it.each([
    ['/certificate.pem', 'sallyport-ca.pem'],
    ['/certificate.crt', 'sallyport-ca.crt'],
    ['/certificate.cer', 'sallyport-ca.cer'],
  ])('%s is the certificate, and nothing but that', async (file, name) => {
    const response = await ask(proxy, `GET ${base}${file}`);
    expect(response.status).toBe(200);
    expect(value(response, 'content-type')).toBe('application/x-x509-ca-cert');
    expect(value(response, 'content-disposition')).toBe(`inline; filename="${name}"`);
    expect(value(response, 'x-content-type-options')).toBe('nosniff');
    const content = file.endsWith('.cer') ? certificate.raw : Buffer.from(certificate.toString());
    expect(response.body.equals(content)).toBe(true);
    const head = await ask(proxy, `HEAD ${base}${file}`);
    expect([head.status, value(head, 'content-length'), head.body.length]).toEqual([200, String(content.length), 0]);
  });

  it.each(['GET /trusted.css', 'GET /ca.key', 'GET /certificate.key', 'GET /certs/ca.key', 'GET /certificate.pem/', 'GET //', 'POST /'])(
    '%s is nothing that there is',
    async (line) => {
      const [method, target] = line.split(' ');
      const response = await ask(proxy, `${method} ${base}${target}`);
      expect(response.status).toBeGreaterThanOrEqual(400);
      expect(text(response)).not.toMatch(/BEGIN|display:none/);
    },
  );
});

describe('without a Host that can be used', () => {
  it.each(['', 'Host: "><script>evil()</script>\r\n'])('the page is still there, and repeats nothing: %j', async (host) => {
    using client = await connectRaw(proxy);
    await client.send(`GET / HTTP/1.0\r\n${host}Accept: text/html\r\n\r\n`);
    const response = await client.readLastResponse();
    expect(response.status).toBe(200);
    expect(response.body.toString()).not.toContain('evil');
    expect(response.body.toString()).toContain('sallyport.invalid');
  });
});

describe('a tunnel to the name', () => {
  let fresh: OpeningProxy;
  beforeEach(async () => {
    fresh = await startOpeningProxy(folder, ca);
    return () => fresh.close();
  });

  it('is opened though no rule says so, and who gets something through it trusts the certificate', async () => {
    expect(text(await ask(fresh, `GET http://${NAME}/`, 'Accept: text/html'))).toContain('Not trusted yet');
    using client = await openTunnel(fresh, `${NAME}:443`);
    await client.send(`GET /trusted.css HTTP/1.1\r\nHost: ${NAME}\r\n\r\n`);
    const style = await client.readResponse();
    expect([style.status, value(style, 'content-type'), text(style)]).toEqual([
      200,
      'text/css',
      '.untried{display:none}.later{display:block}\n',
    ]);

    for (const line of [`GET http://${NAME}/`, 'GET /', 'GET /check?1']) {
      const page = text(await ask(fresh, line, 'Accept: text/html'));
      expect(page, line).toMatch(/<b>Trusted<\/b>At \d\d:\d\d:\d\d UTC a program at your address, 127\.0\.0\.1, got an answer/);
      expect(page, line).not.toMatch(/Not trusted yet|trusted\.css|http-equiv/);
    }
    await client.send(`GET / HTTP/1.1\r\nHost: ${NAME}\r\nAccept: text/html\r\n\r\n`);
    expect(text(await client.readResponse())).toContain('This page has come to you through an opened tunnel.');
  });

  it('shows nothing of who does not believe the certificate, and the check goes on', async () => {
    await expect(openTunnel(fresh, `${NAME}:443`, { ca: ca.cert })).rejects.toThrow();
    const page = text(await ask(fresh, `GET http://${NAME}/check?7`, 'Accept: text/html'));
    expect(page).toContain('Not trusted yet');
    expect(page).toContain('<meta http-equiv="refresh" content="3;url=/check?8">');
  });

  it('that speaks plain HTTP proves nothing', async () => {
    using client = await connectThrough(fresh, `${NAME}:443`);
    await client.send(`GET /trusted.css HTTP/1.1\r\nHost: ${NAME}:443\r\n\r\n`);
    expect((await client.readResponse()).status).toBe(404);
    expect(text(await ask(fresh, 'GET /', 'Accept: text/html'))).toContain('Not trusted yet');
  });

  it('whose TLS is for another name leads nowhere, and gets no certificate for it', async () => {
    await expect(openTunnel(fresh, `${NAME}:443`, { servername: 'localhost' })).rejects.toThrow(/alert/);
  });
});

describe('while the policy opens no tunnel', () => {
  it('there is no certificate, none is made, and a tunnel to the name is like any other', async () => {
    const certs = path.join(folder, 'never-made');
    const policyFile = temporaryFile(afterAll, 'policy.yaml', 'version: 1\ndefault: deny\nrules: []\n');
    const tls = { authority: { folder: certs, existing: null }, leaves: LEAF_DEFAULTS };
    await using plain = await startTestProxy({ policyFile, tls });
    expect(text(await ask(plain, `GET http://${NAME}/`, 'Accept: text/html'))).toContain('there is no certificate to trust');
    expect((await ask(plain, `GET http://${NAME}/certificate.pem`)).status).toBe(404);
    expect((await ask(plain, 'GET /certificate.pem')).status).toBe(400);
    expect(failure(await refusedConnect(plain, `${NAME}:443`))).toMatchObject({ status: 403 });
    expect(existsSync(certs)).toBe(false);
  });
});
