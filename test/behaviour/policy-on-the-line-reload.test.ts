// A policy that changes on the disk while the proxy runs, as an operator meets it: a process, its files, what it says, and what its clients get then.
// What cannot be used leaves everything as it was, until it is mended.
import { mkdirSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, onTestFinished, test } from 'vitest';
import { type Origin, startOrigin } from '../support/origin.ts';
import { ask } from '../support/policies.ts';
import { type ProxyProcess, runProxyWith } from '../support/run-proxy.ts';
import { temporaryFolder } from '../support/temp-files.ts';

const POLICY = `version: 1
default: allow
lists: { adverts: { file: adverts.txt, format: domains } }
rules:
  - include: more.yaml
  - { name: Adverts, deny: { in: adverts } }
tests:
  - { request: "GET http://a.example/", expect: allow }
`;

let origin: Origin;
let folder: string;
beforeAll(async () => {
  origin = await startOrigin((_, reply) => reply.response({ body: 'reached' }));
});
afterAll(() => origin.close());
beforeEach(() => {
  folder = temporaryFolder(onTestFinished);
  write('hosts', '127.0.0.1 a.example ads.example more.example\n');
  write('sallyport.yaml', 'listen: 127.0.0.1:0\npolicy: policy.yaml\ndns: { hosts_file: hosts }\n');
  write('policy.yaml', POLICY);
  write('more.yaml', 'version: 1\nrules: []\n');
  write('adverts.txt', 'ads.example\n');
});

describe('a change takes effect without being asked for', () => {
  test('of a list', async () => {
    const proxy = await start();
    expect(await saidOf(proxy, () => write('adverts.txt', 'more.example\nads.example\n'))).toMatch(
      /reloaded on a change of .*adverts\.txt; policy /,
    );
    expect(await statuses(proxy)).toEqual({ a: 200, ads: 403, more: 403 });
    await saidOf(proxy, () => write('adverts.txt', 'more.example\n'));
    expect(await statuses(proxy)).toEqual({ a: 200, ads: 200, more: 403 });
  });

  test('of an included file, put in its place whole as editors do', async () => {
    const proxy = await start();
    const said = await saidOf(proxy, () => {
      write('more.yaml.new', 'version: 1\nrules:\n  - { name: More, deny: { host: more.example } }\n');
      renameSync(file('more.yaml.new'), file('more.yaml'));
    });
    expect(said).toMatch(/reloaded on a change of .*more\.yaml/);
    expect(await statuses(proxy)).toEqual({ a: 200, ads: 403, more: 403 });
  });

  test('of a link that an orchestrator swaps, the policy and its lists together', async () => {
    for (const [version, list] of [
      ['v1', 'ads.example\n'],
      ['v2', 'more.example\n'],
    ] as const) {
      mkdirSync(file(version));
      write(`${version}/policy.yaml`, POLICY);
      write(`${version}/adverts.txt`, list);
      write(`${version}/more.yaml`, 'version: 1\nrules: []\n');
    }
    symlinkSync('v1', file('now'));
    for (const name of ['policy.yaml', 'adverts.txt', 'more.yaml']) {
      rmSync(file(name));
      symlinkSync(`now/${name}`, file(name));
    }
    const proxy = await start();
    await saidOf(proxy, () => {
      symlinkSync('v2', file('next'));
      renameSync(file('next'), file('now'));
    });
    expect(await statuses(proxy)).toEqual({ a: 200, ads: 200, more: 403 });
  });
});

describe('what cannot be used leaves the policy as it was, and is taken up once it is mended:', () => {
  test.each<[string, () => void, RegExp, () => void]>([
    [
      'a list that has become empty',
      () => write('adverts.txt', '# nothing left\n'),
      /policy\.yaml:3:\d+: list adverts: .*adverts\.txt.* has no entries/,
      () => write('adverts.txt', 'more.example\n'),
    ],
    [
      'a list that is gone',
      () => rmSync(file('adverts.txt'), { force: true }),
      /policy\.yaml:3:\d+: list adverts: .*adverts\.txt: there is no such file/,
      () => write('adverts.txt', 'more.example\n'),
    ],
    [
      'a list of another format',
      () => write('adverts.txt', '||ads.example^\n'),
      /Does this file have the format domains\?/,
      () => write('adverts.txt', 'more.example\n'),
    ],
    [
      'an included file with a mistake',
      () => write('more.yaml', 'version: 1\nrules:\n  - deny: { hots: more.example }\n'),
      /more\.yaml:3:\d+: .*hots/,
      () => write('more.yaml', 'version: 1\nrules:\n  - { name: More, deny: { host: more.example } }\n  - allow: { host: ads.example }\n'),
    ],
    [
      'a policy whose own tests fail',
      () => write('policy.yaml', POLICY.replace('expect: allow', 'expect: deny')),
      /policy\.yaml:8:\d+: .*expected deny/i,
      () => write('policy.yaml', POLICY.replace('deny: { in: adverts }', 'deny: { host: more.example }')),
    ],
  ])('%s', async (_, spoil, problem, mend) => {
    const proxy = await start();
    const said = await saidOf(proxy, spoil);
    expect(said).toMatch(problem);
    expect(said).toMatch(/not reloaded on a change of .*: configuration and policy stay as they were\n/);
    expect(await statuses(proxy)).toEqual({ a: 200, ads: 403, more: 200 });
    expect(await saidOf(proxy, mend)).toMatch(/: reloaded on a change of /);
    expect(await statuses(proxy)).toEqual({ a: 200, ads: 200, more: 403 });
  });
});

test('a policy whose own tests fail stops the start with 65, and each of them is named with its place', async () => {
  write(
    'policy.yaml',
    `${POLICY}  - { request: "GET http://ads.example/", expect: allow }\n  - { request: "GET http://more.example/", rule: Adverts, expect: deny }\n`,
  );
  const failure = await runProxyWith('--config', file('sallyport.yaml')).catch(String);
  expect(failure).toContain('the proxy exited with 65: ');
  expect(failure).toMatch(/policy\.yaml:9:\d+: .*expected allow, got denied by rule 'Adverts'/);
  expect(failure).toMatch(/policy\.yaml:10:\d+: .*expected deny by rule 'Adverts', got allowed by the default/);
  expect(failure).not.toMatch(/policy\.yaml:8:/);
});

test('a list that cannot be read stops the start with 65', async () => {
  rmSync(file('adverts.txt'));
  await expect(runProxyWith('--config', file('sallyport.yaml'))).rejects.toThrow(
    /exited with 65: [\s\S]*adverts\.txt: there is no such file/,
  );
});

function file(name: string): string {
  return path.join(folder, name);
}

function write(name: string, text: string): void {
  writeFileSync(file(name), text);
}

/** With the policy in force that is written before each test. */
async function start(): Promise<ProxyProcess> {
  const proxy = await runProxyWith('--config', file('sallyport.yaml'));
  onTestFinished(() => proxy.stop());
  return proxy;
}

/** What the proxy says of a change, to the end of its last line about it. */
async function saidOf(proxy: ProxyProcess, change: () => void): Promise<string> {
  const before = proxy.said.length;
  change();
  await expect.poll(() => proxy.said.slice(before)).toMatch(/reloaded on .*\n/);
  return proxy.said.slice(before);
}

async function statuses(proxy: ProxyProcess): Promise<Record<string, number>> {
  const pairs = ['a', 'ads', 'more'].map(async (name) => [name, (await ask(proxy, `GET http://${name}.example:${origin.port}/`)).status]);
  return Object.fromEntries(await Promise.all(pairs));
}
