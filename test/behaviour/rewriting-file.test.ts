// The file of rewriting rules: read at the start, taken up when somebody changes it, changed by the page, and never replaced by what has a problem.
import { chmodSync, existsSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { fetchThrough, type RewritingProxy, startRewritingProxy } from '../support/rewriting-proxy.ts';
import { startTestProxy, testConfig } from '../support/start-proxy.ts';
import { createTemporaryCa } from '../support/temp-ca.ts';
import { temporaryFile, temporaryFolder } from '../support/temp-files.ts';
import { startWebOrigin, type WebOrigin } from '../support/web-origin.ts';

interface Rules {
  readonly file: string;
  readonly text: string;
  readonly rules: readonly {
    readonly name: string;
    readonly isOn: boolean;
    readonly does: readonly string[];
    readonly match: string;
    readonly line: number;
  }[];
  readonly problems: readonly { readonly line: number; readonly column: number; readonly message: string }[];
}

const folder = temporaryFolder(afterAll);
let origin: WebOrigin;
let rewriting: RewritingProxy;
beforeAll(async () => {
  origin = await startWebOrigin((request, response) => {
    response.setHeader('Content-Type', 'text/css; charset=utf-8');
    response.setHeader('Content-Encoding', 'gzip');
    response.end(gzipSync(`a { color: red } /* ${request.method} */`));
  });
  rewriting = await startRewritingProxy(folder, createTemporaryCa(folder), '# mine\n');
});
afterAll(async () => {
  await rewriting?.proxy.close();
  await origin.close();
});

const DOWN = 'version: 1\nrules:\n  - { name: Down, match: "path:/down", answer: { status: 503 } }\n';

async function statusOf(at: string): Promise<number> {
  return (await fetchThrough(rewriting.proxy, `${origin.url}${at}`)).status;
}

async function reported(pattern: RegExp): Promise<void> {
  while (!rewriting.proxy.reports.some((line) => pattern.test(line))) await new Promise((resolve) => setImmediate(resolve));
}

test('a change of the file is taken up; one with a problem is told, and the rules stay', async () => {
  writeFileSync(rewriting.rulesFile, DOWN);
  await reported(/^rewriting rules taken up from .*rewrite\.yaml: 1$/);
  expect(await statusOf('/down')).toBe(503);
  writeFileSync(rewriting.rulesFile, 'version: 1\nrules:\n  - { name: Down, match: "path:/down" }\n');
  await reported(/^the rewriting rules stay as they were$/);
  expect(rewriting.proxy.reports.join('\n')).toMatch(/rewrite\.yaml:3:5: a rule does something/);
  expect(await statusOf('/down')).toBe(503);
  const { problems, rules } = await rewriting.api<Rules>('GET', '/api/rules');
  expect([problems.map(({ line, column }) => [line, column]), rules.length]).toEqual([[[3, 5]], 1]);
  expect((await rewriting.tryApi('POST', '/api/rules/Down/toggle')).value['error']).toContain('line 3: a rule does something');
}, 180_000);

test('the page writes it anew, for this user alone; what has a problem is not written', async () => {
  const text = `# kept\n${DOWN}`;
  const put = await rewriting.api<Rules>('PUT', '/api/rules', { text });
  expect(put).toMatchObject({
    text,
    problems: [],
    rules: [{ name: 'Down', isOn: true, line: 4, does: ['answer 503'], match: 'path:/down' }],
  });
  const { status, value } = await rewriting.tryApi('PUT', '/api/rules', { text: `${text}  - { name: Down }\n` });
  expect([status, (value as unknown as Rules).problems.map(({ line }) => line)]).toEqual([400, [5, 5, 5]]);
  expect(readFileSync(rewriting.rulesFile, 'utf8')).toBe(text);
  expect(statSync(rewriting.rulesFile).mode & 0o777).toBe(0o600);
});

test('a rule is switched off, and on again', async () => {
  await rewriting.api('PUT', '/api/rules', { text: `# kept\n${DOWN}` });
  expect((await rewriting.api<Rules>('POST', '/api/rules/Down/toggle')).rules).toMatchObject([{ isOn: false }]);
  expect(await statusOf('/down')).toBe(200);
  expect((await rewriting.api<Rules>('POST', '/api/rules/Down/toggle')).text).toContain('# kept\n');
  expect(await statusOf('/down')).toBe(503);
  expect((await rewriting.tryApi('POST', '/api/rules/None/toggle')).status).toBe(404);
});

test('a rule is made of an exchange, of every kind, and fits what it was made of', async () => {
  await rewriting.api('PUT', '/api/rules', { text: '# mine\n' });
  await fetchThrough(rewriting.proxy, `${origin.url}/theme/a.css?v=1`);
  const { summary } = await rewriting.recorded('/theme/a.css?v=1');
  const from = (kind: string) =>
    rewriting.api<Rules & { name: string; isOn: boolean }>('POST', '/api/rules/from-exchange', { id: summary.id, kind });
  const local = await from('map_local');
  expect(local).toMatchObject({ name: 'Local file for 127.0.0.1/theme/a.css', isOn: true });
  expect(local.text).toContain(`match: host:"127.0.0.1:${origin.port}" path:/theme/a.css`);
  const file = path.join(folder, 'rewrite-files', `${summary.id}-a.css`);
  expect(readFileSync(file, 'utf8')).toBe('a { color: red } /* GET */');
  writeFileSync(file, 'b {}');
  const { content, headers } = await fetchThrough(rewriting.proxy, `${origin.url}/theme/a.css?v=2`);
  expect([content.toString(), headers['content-type']]).toEqual(['b {}', 'text/css; charset=utf-8']);
  for (const kind of ['map_remote', 'answer', 'block', 'delay', 'throttle', 'fail', 'set']) await from(kind);
  const { rules, text } = await from('fail');
  expect(rules.map(({ does }) => does[0]?.split(' ')[0])).toEqual([
    ...['map_local', 'map_remote', 'answer', 'answer', 'delay', 'throttle', 'fail', 'set', 'fail'],
  ]);
  expect(rules.at(-1)?.name).toBe('Break off 127.0.0.1/theme/a.css 2');
  expect(text).toContain('# mine');
  expect(text).toContain('body: "a { color: red } /* GET */"');
  expect((await rewriting.tryApi('POST', '/api/rules/from-exchange', { id: 999_999_999, kind: 'fail' })).status).toBe(404);
});

test('what the policy would need is told, and nothing is changed', async () => {
  await rewriting.api('PUT', '/api/rules', { text: '' });
  await statusOf('/allow');
  const { summary } = await rewriting.recorded('/allow');
  const allowing = await rewriting.api<{ policy: string; test: string; why: string }>('GET', `/api/exchanges/${summary.id}/allow`);
  expect(allowing.policy).toContain(`allow: { host: "127.0.0.1", port: ${origin.port}, scheme: http }`);
  expect(allowing.why).toContain('let pass by policy.yaml:2');
  expect(await rewriting.api('POST', `/api/exchanges/${summary.id}/allow`)).toEqual(allowing);
});

test('a reload reads it, and is refused as a whole when it has a problem', async () => {
  const { proxy, rulesFile } = rewriting;
  await rewriting.api('PUT', '/api/rules', { text: DOWN });
  const other = temporaryFile(afterAll, 'other.yaml', DOWN.replace('503', '500'));
  await proxy.running.reload({ ...proxy.config, rewrite: { file: other, isNamed: true } });
  expect(await statusOf('/down')).toBe(500);
  writeFileSync(other, 'version: 2\n');
  await expect(proxy.running.reload({ ...proxy.config, rewrite: { file: other, isNamed: true } })).rejects.toThrow(
    'other.yaml:1:10: version',
  );
  expect(await statusOf('/down')).toBe(500);
  await proxy.running.reload({ ...proxy.config, rewrite: { file: rulesFile, isNamed: true } });
  expect(await statusOf('/down')).toBe(503);
});

test('a link to the file stays one, and a folder that may not be written is told', async () => {
  const real = temporaryFile(afterAll, 'real.yaml', DOWN);
  rmSync(rewriting.rulesFile);
  symlinkSync(real, rewriting.rulesFile);
  await rewriting.api('PUT', '/api/rules', { text: `${DOWN}# more\n` });
  expect(readFileSync(real, 'utf8')).toContain('# more');
  if (process.getuid?.() === 0) return;
  chmodSync(path.dirname(real), 0o500);
  const { status, value } = await rewriting.tryApi('PUT', '/api/rules', { text: DOWN });
  chmodSync(path.dirname(real), 0o700);
  expect([status, value['error']]).toEqual([409, expect.stringContaining('cannot be written (EACCES)')]);
});

test('a file that is named has to be there; one that nobody has named need not', async () => {
  const file = path.join(folder, 'none.yaml');
  await expect(startTestProxy({ rewrite: { file, isNamed: true } })).rejects.toMatchObject({ kind: 'unreadable' });
  await using proxy = await startTestProxy({ rewrite: { file, isNamed: false } });
  expect(existsSync(file)).toBe(false);
  await proxy.running.reload(testConfig({ rewrite: null }));
});
