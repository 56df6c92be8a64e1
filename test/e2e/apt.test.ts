// apt through the proxy: an update from a package source with pipelined requests and conditional ones, and a download that apt verifies.
// It works in folders of its own and reads none of the machine's settings or lists.
import { randomBytes } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { describeWith, succeed } from '../support/programs.ts';
import { type ProxyProcess, runProxy } from '../support/run-proxy.ts';
import { serveFiles } from '../support/serve-files.ts';
import { temporaryFolder } from '../support/temp-files.ts';
import { startWebOrigin, type WebOrigin } from '../support/web-origin.ts';

describeWith(['apt-get', 'apt-ftparchive', 'dpkg-scanpackages', 'dpkg-deb'], 'apt', () => {
  const served = temporaryFolder(afterAll);
  const folder = temporaryFolder(afterAll);
  const names = Array.from({ length: 12 }, (_, index) => `sallyport-test-${index}`);
  let proxy: ProxyProcess;
  let origin: WebOrigin;

  beforeAll(async () => {
    for (const name of names) await build(name);
    writeFileSync(path.join(served, 'Packages'), await succeed('dpkg-scanpackages', ['--multiversion', '.'], { cwd: served }));
    writeFileSync(path.join(served, 'Release'), await succeed('apt-ftparchive', ['release', '.'], { cwd: served }));
    origin = await startWebOrigin(serveFiles(served));
    proxy = await runProxy();
    for (const each of ['etc/preferences.d', 'etc/trusted.gpg.d', 'state/lists/partial', 'cache/archives/partial', 'log']) {
      mkdirSync(path.join(folder, each), { recursive: true });
    }
    writeFileSync(path.join(folder, 'status'), '');
    writeFileSync(path.join(folder, 'etc/sources.list'), `deb [trusted=yes] ${origin.url}/ ./\n`);
    writeFileSync(path.join(folder, 'apt.conf'), configuration());
  });
  afterAll(async () => {
    await proxy.stop();
    await origin.close();
  });

  /** A package of 300 kB that installs one file. */
  async function build(name: string): Promise<void> {
    const tree = path.join(folder, 'trees', name);
    mkdirSync(path.join(tree, 'DEBIAN'), { recursive: true });
    mkdirSync(path.join(tree, 'usr/share', name), { recursive: true });
    writeFileSync(path.join(tree, 'usr/share', name, 'content'), randomBytes(300_000));
    const control = `Package: ${name}\nVersion: 1.0\nArchitecture: all\nMaintainer: Tester <tester@example.org>\nDescription: a test\n`;
    writeFileSync(path.join(tree, 'DEBIAN/control'), control);
    await succeed('dpkg-deb', ['--build', '--root-owner-group', '-Znone', tree, path.join(served, `${name}_1.0_all.deb`)]);
  }

  function configuration(): string {
    return `Dir::Etc "${folder}/etc"; Dir::Etc::parts "/dev/null"; Dir::Etc::main "/dev/null"; Dir::Etc::sourceparts "/dev/null";
Dir::State "${folder}/state"; Dir::State::status "${folder}/status"; Dir::Cache "${folder}/cache"; Dir::Log "${folder}/log";
Acquire::http::Proxy "${proxy.url}"; Acquire::Languages "none"; Acquire::Retries "0"; APT::Sandbox::User ""; Debug::NoLocking "true";
`;
  }

  function apt(...words: string[]): Promise<Buffer> {
    return succeed('apt-get', ['--quiet=2', ...words], { env: { APT_CONFIG: path.join(folder, 'apt.conf') }, cwd: folder });
  }

  test('updates its lists', async () => {
    await apt('update', '--error-on=any');
    expect(readdirSync(path.join(folder, 'state/lists')).some((name) => name.endsWith('_Packages'))).toBe(true);
  });

  test('updates again without fetching what has not changed', async () => {
    const before = origin.requests.length;
    await apt('update', '--error-on=any');
    const again = origin.requests.slice(before);
    expect(again.some(({ url, headers }) => url.endsWith('/Release') && headers['if-modified-since'] !== undefined)).toBe(true);
    expect(again.some(({ url }) => url.includes('Packages'))).toBe(false);
  });

  test('downloads packages, many on one connection, and finds their checksums right', async () => {
    await apt('install', '--download-only', '--yes', ...names);
    for (const name of names) {
      const [file] = readdirSync(path.join(folder, 'cache/archives')).filter((each) => each.startsWith(`${name}_`));
      expect(
        readFileSync(path.join(folder, 'cache/archives', file!)).equals(readFileSync(path.join(served, `${name}_1.0_all.deb`))),
        name,
      ).toBe(true);
    }
    expect(origin.requests.length).toBeGreaterThan(names.length);
    expect(origin.requests.every(({ headers }) => headers.via !== undefined)).toBe(true);
  });
});
