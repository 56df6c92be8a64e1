// What people see of a tunnel that is denied: a program shows no page then, and most show the reason phrase, so the rule stands in it.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { describeWith, run } from '../support/programs.ts';
import { type ProxyProcess, runProxy } from '../support/run-proxy.ts';
import { temporaryFile, temporaryFolder } from '../support/temp-files.ts';

const POLICY = `version: 1
default: allow
rules:
  - name: Adverts
    deny: { host: ads.test }
    message: No adverts here.
`;
const PHRASE = "Denied by rule 'Adverts' (policy.yaml:4)";

describeWith(['curl', 'git', 'npm', 'python3', 'wget'], 'of a denied tunnel', () => {
  const folder = temporaryFolder(afterAll);
  let proxy: ProxyProcess;
  beforeAll(async () => {
    proxy = await runProxy('--policy', temporaryFile(afterAll, 'policy.yaml', POLICY));
  });
  afterAll(() => proxy.stop());

  /** Everything a program says, run with the proxy in its environment. */
  async function said(command: string, ...words: string[]): Promise<string> {
    const env = { http_proxy: proxy.url, https_proxy: proxy.url, HOME: folder };
    const { code, out, err } = await run(command, words, { env, cwd: folder });
    expect(code).not.toBe(0);
    return out.toString() + err;
  }

  test("Python's urllib shows the rule", async () => {
    expect(await said('python3', '-c', "import urllib.request; urllib.request.urlopen('https://ads.test/')")).toContain(
      `Tunnel connection failed: 403 ${PHRASE}`,
    );
  });

  test('npm shows the rule', async () => {
    expect(await said('npm', 'view', 'x', '--registry', 'https://ads.test/', '--fetch-retries', '0')).toContain(`403 ${PHRASE} - GET`);
  });

  test('wget shows the rule', async () => {
    expect(await said('wget', '--tries=1', '-O', '-', 'https://ads.test/')).toContain(`Proxy tunneling failed: ${PHRASE}`);
  });

  test('curl shows the status, and the rule when it is asked for heads', async () => {
    expect(await said('curl', '-sS', 'https://ads.test/')).toContain('CONNECT tunnel failed, response 403');
    const heads = await said('curl', '-sS', '--include', 'https://ads.test/');
    expect(heads).toContain(`HTTP/1.1 403 ${PHRASE}\r\n`);
    expect(heads).toContain(`details="denied by rule 'Adverts' (policy.yaml:4)"`);
  });

  test('git shows the status alone', async () => {
    expect(await said('git', 'ls-remote', 'https://ads.test/a.git')).toContain('CONNECT tunnel failed, response 403');
  });
});
