// What goes wrong around the cache, as a person meets it: folders that cannot serve, a full disk, settings that contradict each other, questions about
// nothing. Each says what is wrong and what to do, with an exit code for scripts, and a proxy that can go on without a disk does.
import { randomBytes } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { beforeEach, describe, expect, onTestFinished, test } from 'vitest';
import { cacheIn } from '../support/cached-proxy.ts';
import { describeWith, succeed } from '../support/programs.ts';
import { temporaryFolder } from '../support/temp-files.ts';
import { startWebOrigin } from '../support/web-origin.ts';

let folder: string;
beforeEach(() => {
  folder = temporaryFolder(onTestFinished);
});

/** A file where a folder should be: nobody can write there, not even root. */
function occupied(): string {
  const file = path.join(folder, 'occupied');
  writeFileSync(file, '');
  return file;
}

describe('a folder that cannot be used', () => {
  test('ends the start when somebody has chosen it: exit code 69 and the next step', async () => {
    const { code, out, err } = await cacheIn(folder, { SALLYPORT_CACHE_FOLDER: occupied() }).say('run', '--listen', '127.0.0.1:0');
    expect({ code, out: out.toString() }).toEqual({ code: 69, out: '' });
    expect(err).toBe(
      `sallyport: ${path.join(folder, 'occupied')} cannot be the cache folder: there is a file of that name. Choose another cache folder.\n`,
    );
  });

  describeWith(['curl'], 'and that nobody has chosen', () => {
    test('is a warning, and memory alone is used', async () => {
      const origin = await startWebOrigin((_request, response) => response.setHeader('Cache-Control', 'max-age=60').end('content'));
      const proxy = await cacheIn(folder, { XDG_CACHE_HOME: occupied() }).start();
      expect(proxy.said).toMatch(/^sallyport: WARNING: nothing is cached on disk: .*occupied.* Choose another cache folder\.\n/m);
      for (let i = 0; i < 2; i += 1) await succeed('curl', ['-s', '--proxy', proxy.url, `${origin.url}/x`]);
      expect((await proxy.stop()).map(({ cache }) => cache)).toEqual(['forwarded', 'hit']);
      await origin.close();
    });
  });
});

describeWith(['curl'], 'a disk that takes no more in the middle of an answer', () => {
  test('says so once, and the answers go on', async () => {
    const content = randomBytes(4_000_000);
    const origin = await startWebOrigin((_request, response) => response.setHeader('Cache-Control', 'max-age=60').end(content));
    // A limit of the system on the size of files: none grows beyond 400 KiB.
    const proxy = await cacheIn(folder, {}, ['sh', '-c', `trap '' XFSZ; ulimit -f 800; exec "$@"`, 'sh']).start();
    for (const name of ['one', 'two']) {
      const got = await succeed('curl', ['-s', '--max-time', '60', '--proxy', proxy.url, `${origin.url}/${name}`]);
      expect(got.equals(content)).toBe(true);
    }
    await proxy.stop();
    await origin.close();
    expect(proxy.said.match(/nothing can be stored in .*; answers go on without, and it is tried again/g)).toHaveLength(1);
  });
});

describe('a proxy offline', () => {
  test('without a cache does not start: exit code 78, and both settings are named', async () => {
    expect(await cacheIn(folder).say('run', '--listen', '127.0.0.1:0', '--offline', '--cache', 'off')).toMatchObject({
      code: 78,
      err: 'sallyport: cache.offline (or --offline): the cache is off, so nothing could be answered. Leave the cache on, with memory or disk above 0.\n',
    });
  });

  describeWith(['curl'], 'asked for a tunnel', () => {
    test('opens none, and says why', async () => {
      const proxy = await cacheIn(folder).start('--offline');
      const told = await succeed('sh', ['-c', `curl -sv --proxy ${proxy.url} https://site.test/ 2>&1 || true`]);
      expect(told.toString()).toContain('HTTP/1.1 504 ');
      expect(told.toString()).toContain('details="This proxy is offline: it answers with what it has stored, and opens no tunnels."');
      await proxy.stop();
    });
  });
});

describe('asked about nothing', () => {
  test('of a proxy that runs, purge counts none, list says so, show names the next question', async () => {
    const home = cacheIn(folder);
    const proxy = await home.start();
    const url = 'http://site.test/x';
    expect(await answer(home.say('cache', 'purge', url))).toEqual({ code: 0, out: '0 responses forgotten\n', err: '' });
    expect(await answer(home.say('cache', 'list'))).toEqual({ code: 0, out: '', err: 'Nothing is stored.\n' });
    expect(await answer(home.say('cache', 'show', url))).toMatchObject({
      code: 1,
      err: expect.stringContaining(`sallyport cache why ${url}`),
    });
    expect(await answer(home.say('cache', 'why', url))).toMatchObject({
      code: 0,
      out: expect.stringMatching(/^not reused: nothing is stored for this URI/),
    });
    await proxy.stop();
  });

  test('without a proxy and without a folder, the folder is named', async () => {
    expect(await answer(cacheIn(folder).say('cache', 'stats'))).toEqual({
      code: 66,
      out: '',
      err: `sallyport: ${path.join(folder, 'sallyport')} holds no cache yet. Check the cache folder in the configuration.\n`,
    });
  });

  test('without a proxy and without a disk, the next step is to start one', async () => {
    expect(await answer(cacheIn(folder, { SALLYPORT_CACHE_DISK: '0' }).say('cache', 'stats'))).toEqual({
      code: 69,
      out: '',
      err: "sallyport: no proxy of this user is running, and the settings keep no cache on disk. Start one with 'sallyport run'.\n",
    });
  });
});

async function answer(ended: ReturnType<ReturnType<typeof cacheIn>['say']>): Promise<{ code: number | null; out: string; err: string }> {
  const { code, out, err } = await ended;
  return { code, out: out.toString(), err };
}
