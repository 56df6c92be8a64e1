// What the proxy says itself: denials and failures, in the form the client can read, telling who decided and why (RFC 9209), and never
// repeating what somebody else could have put into the request.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Origin, startOrigin } from '../support/origin.ts';
import { connectRaw, type FinalResponse } from '../support/raw-client.ts';
import { startTestProxy, type TestProxy } from '../support/start-proxy.ts';
import { valuesOf } from '../support/strict-message.ts';
import { temporaryFile } from '../support/temp-files.ts';

const POLICY = `version: 1
default: allow
rules:
  - name: No <adverts>
    deny: { host: .ads.example }
    message: Ask <it@example.com> & "friends".
    owner: IT desk <it@corp.example>
    request_access: https://corp.example/ask?for=adverts&by=you
    status: 451
  - name: Reading only
    deny: { host: 127.0.0.1, method: DELETE }
  - name: No pictures
    deny: { host: 127.0.0.1, response_type: image/* }
    message: Pictures are for later.
  - name: Nur für Büros
    deny: { host: .office.example }
`;

let origin: Origin;
let proxy: TestProxy;
const cleanups: (() => void)[] = [];
beforeAll(async () => {
  origin = await startOrigin(({ target }, reply) =>
    reply.response({ fields: [['Content-Type', target === '/picture' ? 'image/png' : 'text/plain']], body: 'x' }),
  );
  proxy = await startTestProxy({ viaName: 'sally', policyFile: temporaryFile((remove) => cleanups.push(remove), 'policy.yaml', POLICY) });
});
afterAll(async () => {
  await proxy.close();
  await origin.close();
  for (const clean of cleanups) clean();
});

async function ask(requestLine: string, ...fields: string[]): Promise<FinalResponse> {
  using client = await connectRaw(proxy);
  await client.send(`${requestLine} HTTP/1.1\r\nHost: x\r\n${fields.map((line) => `${line}\r\n`).join('')}\r\n`);
  return await client.readResponse(requestLine.slice(0, requestLine.indexOf(' ')));
}

/** The value of a field that must be there once. */
function value(response: FinalResponse, name: string): string {
  const values = valuesOf(response.fields, name);
  expect(values).toHaveLength(1);
  return values[0]!;
}

describe('every answer of the proxy itself', () => {
  it.each([
    ['a denial', 'GET http://www.ads.example/', 451, 'http_request_denied'],
    ['a request that is refused', 'GET http://user@a.example/', 400, 'http_request_error'],
    ['a failure', 'GET http://127.0.0.1:1/', 502, 'connection_refused'],
    ['a destination that is off limits', 'GET http://169.254.169.254/latest', 502, 'destination_ip_prohibited'],
    ['a name that does not exist', 'GET http://nowhere.invalid/', 502, 'dns_error'],
  ])('%s: status, Proxy-Status and fields that keep it harmless', async (_, line, status, code) => {
    const response = await ask(line);
    expect(response.status).toBe(status);
    // RFC 9209 §2: the name of the proxy, then parameters; a string in visible ASCII.
    expect(value(response, 'proxy-status')).toMatch(new RegExp(`^sally;error=${code}(;[a-z-]+=("[\\x20-\\x7e]*"|[A-Za-z0-9_-]+))*$`));
    expect(value(response, 'cache-control')).toBe('no-store');
    expect(value(response, 'x-content-type-options')).toBe('nosniff');
    expect(value(response, 'content-security-policy')).toMatch(
      /^default-src 'none'; style-src 'sha256-[^']+'; base-uri 'none'; form-action 'none'$/,
    );
    expect(value(response, 'referrer-policy')).toBe('no-referrer');
    expect(value(response, 'vary')).toBe('Accept');
    expect(Date.parse(value(response, 'date'))).not.toBeNaN();
    expect(valuesOf(response.fields, 'via')).toEqual([]);
  });

  it('has no Proxy-Status when it comes from the origin', async () => {
    expect(valuesOf((await ask(`GET ${origin.url}/`)).fields, 'proxy-status')).toEqual([]);
  });

  it('has no content for HEAD, and tells its length', async () => {
    const head = await ask('HEAD http://www.ads.example/');
    expect(head.body).toHaveLength(0);
    expect(Number(value(head, 'content-length'))).toBeGreaterThan(100);
  });
});

describe('the form follows Accept (RFC 9110 §12.5.1)', () => {
  const browser = 'Accept: text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8';
  it.each([
    ['a browser', [browser], 'text/html;charset=utf-8'],
    ['a program for JSON', ['Accept: application/json'], 'application/problem+json'],
    ['a program for problems', ['Accept: application/problem+json'], 'application/problem+json'],
    ['curl', ['Accept: */*'], 'text/plain;charset=utf-8'],
    ['nobody in particular', [], 'text/plain;charset=utf-8'],
    ['two lines', ['Accept: image/png', 'accept: text/html'], 'text/html;charset=utf-8'],
  ])('%s', async (_, fields, type) => {
    const response = await ask('GET http://www.ads.example/', ...fields);
    expect(value(response, 'content-type')).toBe(type);
  });

  it('problem details say the same as Proxy-Status (RFC 9457)', async () => {
    const response = await ask('GET http://127.0.0.1:1/', 'Accept: application/json');
    expect(JSON.parse(response.body.toString())).toMatchObject({ status: 502, title: 'Bad Gateway', code: 'connection_refused' });
  });
});

describe('a denial', () => {
  it('has members that programs can act on', async () => {
    const response = await ask('GET http://www.ads.example/x', 'Accept: application/json');
    expect(response.status).toBe(451);
    const problem = JSON.parse(response.body.toString());
    expect(problem).toMatchObject({
      type: 'about:blank',
      title: 'Unavailable For Legal Reasons',
      status: 451,
      code: 'http_request_denied',
      decided_by: 'rule',
      refused: 'request',
      rule: 'No <adverts>',
      file: 'policy.yaml',
      line: 4,
      rule_message: 'Ask <it@example.com> & "friends".',
      owner: 'IT desk <it@corp.example>',
      request_access: 'https://corp.example/ask?for=adverts&by=you',
      retry_after: null,
    });
    expect(problem.instance).toBe(`urn:sallyport:exchange:${problem.exchange}`);
  });

  it('links to where access can be asked for, and to nothing else', async () => {
    const page = (await ask('GET http://www.ads.example/x', 'Accept: text/html')).body.toString();
    expect(page.match(/<a [^>]*>/g)).toEqual(['<a href="https://corp.example/ask?for=adverts&amp;by=you" rel="noreferrer">']);
  });

  it.each(['CONNECT www.ads.example:443', 'GET http://www.ads.example/'])('names its rule in the reason phrase of %s', async (line) => {
    expect((await ask(line)).reason).toBe("Denied by rule 'No <adverts>' (policy.yaml:4)");
  });

  it('names the place in the reason phrase where the name is not ASCII (RFC 9112 §4)', async () => {
    const response = await ask('CONNECT www.office.example:443');
    expect([response.status, response.reason]).toEqual([403, 'Denied by policy.yaml:15']);
    expect(value(response, 'proxy-status')).toContain('policy.yaml:15');
  });

  it('of a CONNECT has a short text and ends the connection (RFC 9931)', async () => {
    using client = await connectRaw(proxy);
    await client.send('CONNECT www.ads.example:443 HTTP/1.1\r\nHost: www.ads.example:443\r\n\r\n');
    const response = await client.readLastResponse('CONNECT');
    expect(value(response, 'content-type')).toBe('text/plain;charset=utf-8');
    const lines = response.body.toString().trimEnd().split('\n');
    expect(lines.length).toBeLessThanOrEqual(12);
    expect(lines).toContain('CONNECT www.ads.example:443');
    expect(lines).toContain('https://corp.example/ask?for=adverts&by=you');
  });

  it('of an answer says that the site had answered, and shows nothing of it', async () => {
    const response = await ask(`GET ${origin.url}/picture`, 'Accept: application/json');
    expect(response.status).toBe(403);
    expect(JSON.parse(response.body.toString())).toMatchObject({
      rule: 'No pictures',
      refused: 'answer',
      rule_message: 'Pictures are for later.',
    });
    expect(value(response, 'content-type')).toBe('application/problem+json');
    expect((await ask(`GET ${origin.url}/words`)).status).toBe(200);
  });

  it('names the rule, its place and the words of the operator, escaped', async () => {
    const response = await ask('GET http://www.ads.example/x', 'Accept: text/html');
    const page = response.body.toString();
    expect(page).toContain('Ask &lt;it@example.com&gt; &amp; &quot;friends&quot;.');
    expect(page).toContain('No &lt;adverts&gt;');
    expect(page).toMatch(/policy\.yaml:4/);
    expect(page).not.toMatch(/<adverts>|<it@/);
  });

  it('leaves the connection for the next request', async () => {
    using client = await connectRaw(proxy);
    for (const method of ['DELETE', 'GET', 'DELETE', 'GET']) {
      await client.send(`${method} ${origin.url}/ HTTP/1.1\r\nHost: x\r\n\r\n`);
      expect((await client.readResponse()).status).toBe(method === 'DELETE' ? 403 : 200);
    }
  });

  it('is what the record says', async () => {
    const index = proxy.flows.length;
    await ask('GET http://www.ads.example/');
    const flow = await proxy.flow(index);
    expect(flow).toMatchObject({ outcome: 'denied', status: 451, upstreamAddress: null });
    expect(flow.decision).toMatchObject({ action: 'deny', decidedBy: 'rule' });
  });
});

describe('nothing of the request is repeated that could hurt', () => {
  const secrets = ['s3cret-query', 's3cret-path', 's3cret-cookie', 's3cret-auth', 's3cret-proxy-auth', 's3cret-referer', 's3cret-user'];
  it.each(['text/html', 'application/json', 'text/plain'])('in %s', async (type) => {
    for (const host of ['www.ads.example', '127.0.0.1:1', 's3cret-user:x@a.example', '169.254.169.254']) {
      const response = await ask(
        `GET http://${host}/s3cret-path?q=s3cret-query`,
        `Accept: ${type}`,
        'Cookie: a=s3cret-cookie',
        'Authorization: Basic s3cret-auth',
        'Proxy-Authorization: Basic s3cret-proxy-auth',
        'Referer: http://x/s3cret-referer',
      );
      expect(response.status).toBeGreaterThanOrEqual(400);
      for (const secret of secrets) expect(response.raw.toString('latin1')).not.toContain(secret);
    }
  });

  it.each([
    ['markup in a host', 'GET http://<script>alert(1)</script>.example/'],
    ['markup in a path', 'GET http://www.ads.example/<script>alert(1)</script>'],
    ['markup in a scheme', 'GET <script>alert(1)</script>://x/'],
    ['markup in no target at all', 'GET <script>alert(1)</script>'],
    ['markup in a port', 'GET http://a.example:<script>/'],
  ])('%s', async (_, line) => {
    const response = await ask(line, 'Accept: text/html');
    expect(response.body.toString()).not.toContain('<script');
  });

  it('markup in a length', async () => {
    using client = await connectRaw(proxy);
    await client.send(
      'POST http://a.example/ HTTP/1.1\r\nHost: x\r\nAccept: text/html\r\nContent-Length: <script>alert(1)</script>\r\n\r\n',
    );
    const response = await client.readLastResponse();
    // Its Accept was not read, so the page is text, which no browser takes for anything else.
    expect([value(response, 'content-type'), value(response, 'x-content-type-options')]).toEqual(['text/plain;charset=utf-8', 'nosniff']);
  });
});

describe('who opens the address of the proxy itself', () => {
  it('in a browser is told that it runs', async () => {
    const response = await ask('GET /', 'Accept: text/html');
    expect(response.status).toBe(200);
    expect(response.body.toString()).toContain('This is a proxy, and it is running');
    expect(response.body.toString()).toContain('/proxy.pac');
    expect(valuesOf(response.fields, 'proxy-status')).toEqual([]);
  });

  it.each(['GET /index.html', 'POST /', 'OPTIONS *'])('with %s is told that it is no web server', async (line) => {
    const response = await ask(line);
    expect(response.status).toBe(400);
    expect(response.body.toString()).toContain('This is a proxy, not a web server');
  });
});
