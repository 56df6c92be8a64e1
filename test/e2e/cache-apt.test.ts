// apt from the cache: lists and packages that one machine has fetched are there for the next one although the mirror is gone, and a download that broke
// off goes on where it stopped.
import { randomBytes } from 'node:crypto';
import { mkdirSync, readFileSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import type { RequestListener } from 'node:http';
import path from 'node:path';
import { afterAll, beforeAll, beforeEach, expect, onTestFinished, test } from 'vitest';
import { type CacheHome, cacheIn, expectOnlyHits } from '../support/cached-proxy.ts';
import { describeWith, type Ended, run, succeed } from '../support/programs.ts';
import { serveFiles } from '../support/serve-files.ts';
import { temporaryFolder } from '../support/temp-files.ts';
import { startWebOrigin } from '../support/web-origin.ts';

describeWith(['apt-get', 'apt-ftparchive', 'dpkg-scanpackages', 'dpkg-deb'], 'apt, from the cache', () => {
  const mirror = temporaryFolder(afterAll);
  let home: CacheHome;

  beforeAll(async () => {
    const dist = path.join(mirror, 'dists/stable');
    const packages = path.join(dist, 'main/binary-all/Packages');
    mkdirSync(path.dirname(packages), { recursive: true });
    for (const name of ['wanted', 'other']) await build(name);
    writeFileSync(packages, await succeed('dpkg-scanpackages', ['pool'], { cwd: mirror }));
    const about = ['Codename=stable', 'Components=main', 'Architectures=all'];
    const options = about.flatMap((each) => ['-o', `APT::FTPArchive::Release::${each}`]);
    const release = (await succeed('apt-ftparchive', [...options, 'release', dist])).toString();
    writeFileSync(path.join(dist, 'InRelease'), `-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA256\n\n${release}${SIGNATURE}`);
    for (const file of [packages, path.join(dist, 'InRelease')]) age(file);
  });
  beforeEach(() => {
    home = cacheIn(temporaryFolder(onTestFinished));
  });

  async function build(name: string): Promise<void> {
    const tree = temporaryFolder(afterAll);
    mkdirSync(path.join(tree, 'DEBIAN'));
    writeFileSync(path.join(tree, 'content'), randomBytes(CONTENT_BYTES));
    const control = `Package: ${name}\nVersion: 1.0\nArchitecture: all\nMaintainer: Tester <tester@example.org>\nDescription: a test\n`;
    writeFileSync(path.join(tree, 'DEBIAN/control'), control);
    const file = path.join(mirror, deb(name));
    mkdirSync(path.dirname(file), { recursive: true });
    await succeed('dpkg-deb', ['--build', '--root-owner-group', '-Znone', tree, file]);
    age(file);
  }

  /** A machine that has fetched nothing yet, with folders and settings of its own. */
  function machine(proxyUrl: string, mirrorUrl: string) {
    const folder = temporaryFolder(onTestFinished);
    for (const each of ['etc/preferences.d', 'etc/trusted.gpg.d', 'state/lists/partial', 'cache/archives/partial', 'log']) {
      mkdirSync(path.join(folder, each), { recursive: true });
    }
    writeFileSync(path.join(folder, 'status'), '');
    writeFileSync(path.join(folder, 'etc/sources.list'), `deb [trusted=yes arch=all] ${mirrorUrl}/ stable main\n`);
    writeFileSync(
      path.join(folder, 'apt.conf'),
      `Dir::Etc "${folder}/etc"; Dir::Etc::parts "/dev/null"; Dir::Etc::main "/dev/null"; Dir::Etc::sourceparts "/dev/null";
Dir::State "${folder}/state"; Dir::State::status "${folder}/status"; Dir::Cache "${folder}/cache"; Dir::Log "${folder}/log";
Acquire::http::Proxy "${proxyUrl}"; Acquire::Languages "none"; Acquire::Retries "0"; APT::Sandbox::User ""; Debug::NoLocking "true";
`,
    );
    const apt = (...words: string[]): Promise<Ended> =>
      run('apt-get', ['--quiet=2', ...words], { env: { APT_CONFIG: path.join(folder, 'apt.conf') }, cwd: folder });
    return {
      /** What apt has of a package that it has not yet got all of. */
      part: (name: string) => path.join(folder, `cache/archives/partial/${name}_1.0_all.deb`),
      update: () => apt('update', '--error-on=any'),
      /** apt itself holds it against the checksum in the lists. */
      download: (name: string) => apt('install', '--download-only', '--yes', name),
    };
  }

  test('updates and downloads on a second machine while the mirror is gone, and says which package nobody has fetched', async () => {
    const origin = await startWebOrigin(serveFiles(mirror));
    const online = await home.start();
    const first = machine(online.url, origin.url);
    expect(await first.update()).toMatchObject({ code: 0 });
    expect(await first.download('wanted')).toMatchObject({ code: 0 });
    await online.stop();
    await origin.close();

    // apt wants its lists no older than this moment (max-age=0), and offline that takes an operator who wants them all the same.
    const offline = await home.start('--offline', '--stale-ok');
    const second = machine(offline.url, origin.url);
    expect(await second.update()).toMatchObject({ code: 0 });
    expect(await second.download('wanted')).toMatchObject({ code: 0 });
    expect(await second.download('other')).toMatchObject({ code: 100, err: expect.stringContaining('504  Gateway Timeout') });
    const log = await offline.stop();
    const [missing] = log.filter(({ target }) => target.endsWith(deb('other')));
    expect(missing).toMatchObject({ status: 504, cache: 'none', cache_why: 'uri-miss', upstream: null });
    expectOnlyHits(log.filter((line) => line !== missing));
  });

  test('a download that its machine has half of goes on from the cache, by Range and If-Range (RFC 9110 §13.1.5)', async () => {
    const origin = await startWebOrigin(serveFiles(mirror));
    const online = await home.start();
    const first = machine(online.url, origin.url);
    expect(await first.update()).toMatchObject({ code: 0 });
    expect(await first.download('wanted')).toMatchObject({ code: 0 });
    await online.stop();
    await origin.close();

    const offline = await home.start('--offline', '--stale-ok');
    const second = machine(offline.url, origin.url);
    expect(await second.update()).toMatchObject({ code: 0 });
    const whole = path.join(mirror, deb('wanted'));
    writeFileSync(second.part('wanted'), readFileSync(whole).subarray(0, CONTENT_BYTES / 2));
    // apt names its part by the time of the file, which it has taken from Last-Modified.
    utimesSync(second.part('wanted'), statSync(whole).mtime, statSync(whole).mtime);
    expect(await second.download('wanted')).toMatchObject({ code: 0 });
    const log = await offline.stop();
    expectOnlyHits(log);
    expect(log.at(-1)).toMatchObject({ status: 206, target: `${origin.url}/${deb('wanted')}` });
    expect(log.at(-1)!.bytes_out).toBeLessThan(CONTENT_BYTES * 0.6);
  });

  test('a download that the mirror breaks off goes on where it stopped, and what came of it is never taken for all of it', async () => {
    const origin = await startWebOrigin(breakingOffOnce(serveFiles(mirror)));
    const online = await home.start();
    const first = machine(online.url, origin.url);
    expect(await first.update()).toMatchObject({ code: 0 });
    expect(await first.download('wanted')).toMatchObject({ code: 100 });
    expect(statSync(first.part('wanted')).size).toBeGreaterThan(0);
    expect(await first.download('wanted')).toMatchObject({ code: 0 });
    const second = machine(online.url, origin.url);
    expect(await second.update()).toMatchObject({ code: 0 });
    expect(await second.download('wanted')).toMatchObject({ code: 0 });
    const [broken, resumed] = (await online.stop()).filter(({ target }) => target.endsWith('.deb'));
    await origin.close();
    expect(broken).toMatchObject({ status: 200, outcome: 'failed', stored: 'incomplete' });
    expect(resumed).toMatchObject({ status: 206, outcome: 'forwarded' });
  });
});

/** The first answer with a package ends in the middle. */
function breakingOffOnce(respond: RequestListener): RequestListener {
  let hasBroken = false;
  return (request, response) => {
    if (!hasBroken && request.url?.endsWith('.deb')) {
      hasBroken = true;
      let left = CONTENT_BYTES / 2;
      const write = response.write.bind(response);
      response.write = (bytes: Buffer) => {
        left -= bytes.length;
        const isWritten = write(bytes);
        if (left <= 0) response.socket?.end();
        return isWritten;
      };
    }
    respond(request, response);
  };
}

function deb(name: string): string {
  return `pool/main/${name[0]}/${name}/${name}_1.0_all.deb`;
}

/** As on a real mirror, where hardly anything is of this minute: its Last-Modified is what gives it a lifetime (RFC 9111 §4.2.2). */
function age(file: string): void {
  const longAgo = new Date(Date.now() - 10 * DAY_MS);
  utimesSync(file, longAgo, longAgo);
}

/** By a key that was thrown away. As nobody has it, nobody can tell what it signs, and the source is `trusted` without it. */
const SIGNATURE = `-----BEGIN PGP SIGNATURE-----

iHUEARYIAB0WIQSZw/sV4Q5tNx/ZdDTIVOtn/mZ9hwUCawM/BgAKCRDIVOtn/mZ9
h56pAP9l5Gc9a0G1NdT4+lGEe9I1N3jZTVOqlOcD+ZMxiGgD1AEA0rXl01wHHlyz
WKEU4rH/uETDgP405C7HUKHeyS/gwAA=
=6M9U
-----END PGP SIGNATURE-----
`;
const CONTENT_BYTES = 3_000_000;
const DAY_MS = 86_400_000;
