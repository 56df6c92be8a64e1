// The script by which browsers configure themselves, served under the proxy's own address: it names the address that the client used, never
// anything else that a client could have written, and needs neither a rule nor a name.
import { createContext, runInContext } from 'node:vm';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { connectRaw, type FinalResponse } from '../support/raw-client.ts';
import { startTestProxy, type TestProxy } from '../support/start-proxy.ts';
import { valuesOf } from '../support/strict-message.ts';
import { temporaryFile } from '../support/temp-files.ts';

let proxy: TestProxy;
let silent: TestProxy;
beforeAll(async () => {
  const policyFile = temporaryFile(afterAll, 'policy.yaml', 'version: 1\ndefault: deny\nrules: []\n');
  proxy = await startTestProxy({ policyFile, pac: { direct: ['.intern.example', '10.0.0.0/8'] } });
  silent = await startTestProxy({ policyFile, pac: null });
});
afterAll(() => Promise.all([proxy.close(), silent.close()]));

async function ask(of: TestProxy, requestLine: string, ...fields: string[]): Promise<FinalResponse> {
  using client = await connectRaw(of);
  await client.send(`${requestLine}\r\n${fields.map((line) => `${line}\r\n`).join('')}\r\n`);
  return await client.readResponse(requestLine.slice(0, requestLine.indexOf(' ')));
}

/** What the script says of a URL. */
function routeOf(script: FinalResponse, url: string): unknown {
  const engine = createContext({});
  runInContext(script.body.toString(), engine);
  return runInContext(`FindProxyForURL(${JSON.stringify(url)}, ${JSON.stringify(new URL(url).hostname)})`, engine);
}

describe('the script', () => {
  it.each(['/proxy.pac', '/wpad.dat', '/proxy.pac?v=2'])('is served on %s, whatever the policy says of other requests', async (target) => {
    const index = proxy.flows.length;
    const response = await ask(proxy, `GET ${target} HTTP/1.1`, 'Host: proxy.example:3128');
    expect(response.status).toBe(200);
    expect(valuesOf(response.fields, 'content-type')).toEqual(['application/x-ns-proxy-autoconfig']);
    expect(valuesOf(response.fields, 'cache-control')).toEqual(['max-age=300']);
    expect(routeOf(response, 'https://www.intern.example/')).toBe('DIRECT');
    expect(routeOf(response, 'http://10.1.2.3/')).toBe('DIRECT');
    expect(routeOf(response, 'http://wiki/')).toBe('DIRECT');
    expect(routeOf(response, 'https://example.com/')).toBe('PROXY proxy.example:3128');
    expect(await proxy.flow(index)).toMatchObject({ outcome: 'answered', status: 200, error: null, decision: null });
  });

  it('keeps pages of other sites from running or reading it', async () => {
    const { fields } = await ask(proxy, 'GET /proxy.pac HTTP/1.1', 'Host: a.example');
    expect(valuesOf(fields, 'x-content-type-options')).toEqual(['nosniff']);
    expect(valuesOf(fields, 'cross-origin-resource-policy')).toEqual(['same-origin']);
    expect(valuesOf(fields, 'access-control-allow-origin')).toEqual([]);
  });

  it('has no content for HEAD, and tells its length', async () => {
    const get = await ask(proxy, 'GET /wpad.dat HTTP/1.1', 'Host: a.example');
    const head = await ask(proxy, 'HEAD /wpad.dat HTTP/1.1', 'Host: a.example');
    expect(head.body).toHaveLength(0);
    expect(valuesOf(head.fields, 'content-length')).toEqual([String(get.body.length)]);
  });

  it.each([
    ['proxy.example:3128', 'proxy.example:3128'],
    ['PROXY.example.', 'proxy.example:80'],
    ['192.0.2.1:8080', '192.0.2.1:8080'],
    ['[2001:DB8:0::1]:8080', '[2001:db8::1]:8080'],
    ['wpad', 'wpad:80'],
  ])('sends everything else to the address that the client used: Host: %s', async (host, address) => {
    expect(routeOf(await ask(proxy, 'GET /proxy.pac HTTP/1.1', `Host: ${host}`), 'wss://example.com/')).toBe(`PROXY ${address}`);
    expect(routeOf(await ask(proxy, 'GET /proxy.pac HTTP/1.0', `Host: ${host}`), 'ws://example.com/')).toBe(`PROXY ${address}`);
  });

  it.each([
    '"+evil()+"',
    'a.example"; DIRECT',
    'a.example; PROXY evil.example:80',
    'evil.example/..',
    'user@evil.example',
    'evil.example:99999',
    'evil.example:',
    '<script>evil()</script>',
    '',
  ])('is not made from a Host that is no plain host and port: %j', async (host) => {
    const response = await ask(proxy, 'GET /proxy.pac HTTP/1.1', `Host: ${host}`, 'Accept: text/html');
    expect(response.status).toBe(400);
    expect(response.raw.toString('latin1')).not.toContain('evil');
    expect(response.raw.toString('latin1')).not.toContain('FindProxyForURL');
  });

  it('is not made without a Host, nor from one of two', async () => {
    expect((await ask(proxy, 'GET /proxy.pac HTTP/1.0')).status).toBe(400);
    expect((await ask(proxy, 'GET /proxy.pac HTTP/1.1', 'Host: a.example', 'Host: b.example')).status).toBe(400);
  });

  it.each(['POST /proxy.pac', 'GET /proxy.pac/', 'GET /PROXY.PAC', 'GET /a/proxy.pac', 'GET http://a.example/proxy.pac'])(
    'is not the answer to %s',
    async (line) => {
      const response = await ask(proxy, `${line} HTTP/1.1`, 'Host: a.example');
      expect(response.status).toBeGreaterThanOrEqual(400);
      expect(response.body.toString()).not.toContain('FindProxyForURL');
    },
  );

  it('is not served when it is off; the greeting names it only where it is', async () => {
    expect((await ask(silent, 'GET /proxy.pac HTTP/1.1', 'Host: a.example')).status).toBe(400);
    expect((await ask(silent, 'GET / HTTP/1.1', 'Host: a.example')).body.toString()).not.toContain('proxy.pac');
    expect((await ask(proxy, 'GET / HTTP/1.1', 'Host: a.example')).body.toString()).toContain('/proxy.pac');
  });
});
