// git through the cache, which has nothing to give it: git asks for the branches by GET, is answered with no-cache, and fetches by POST. What matters is
// that nothing stored stands between a push and the next fetch.
import { randomBytes } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import { cacheIn } from '../support/cached-proxy.ts';
import { serveGit } from '../support/git-server.ts';
import { describeWith, succeed } from '../support/programs.ts';
import { temporaryFolder } from '../support/temp-files.ts';
import { startWebOrigin } from '../support/web-origin.ts';

describeWith(['git'], 'git, with a cache in between', () => {
  const folder = temporaryFolder(afterAll);
  const served = path.join(folder, 'served');
  const repository = path.join(served, 'project.git');
  const work = path.join(folder, 'work');

  beforeAll(async () => {
    mkdirSync(work);
    await git('init', '--quiet', '--initial-branch=main', work);
    await git('init', '--quiet', '--bare', '--initial-branch=main', repository);
    await git('-C', repository, 'config', 'http.receivepack', 'true');
    await commit('one');
    await git('-C', work, 'push', '--quiet', repository, 'main');
  });

  async function git(...words: string[]): Promise<string> {
    const names = {
      GIT_AUTHOR_NAME: 'Tester',
      GIT_AUTHOR_EMAIL: 'tester@example.org',
      GIT_COMMITTER_NAME: 'Tester',
      GIT_COMMITTER_EMAIL: 'tester@example.org',
    };
    const env = { GIT_CONFIG_NOSYSTEM: '1', GIT_TERMINAL_PROMPT: '0', ...names };
    return (await succeed('git', words, { env })).toString().trim();
  }

  async function commit(name: string): Promise<void> {
    writeFileSync(path.join(work, name), randomBytes(200_000));
    await git('-C', work, 'add', '.');
    await git('-C', work, 'commit', '--quiet', '--message', name);
  }

  test('clones twice, and every fetch sees what was pushed the moment before', async () => {
    const origin = await startWebOrigin(serveGit(served));
    const proxy = await cacheIn(temporaryFolder(onTestFinished)).start();
    const through = ['-c', `http.proxy=${proxy.url}`];
    const url = `${origin.url}/project.git`;
    const clones = ['first', 'second'].map((name) => path.join(folder, name));
    for (const clone of clones) await git(...through, 'clone', '--quiet', url, clone);
    for (const name of ['two', 'three']) {
      await commit(name);
      await git('-C', work, ...through, 'push', '--quiet', url, 'main');
      for (const clone of clones) {
        await git('-C', clone, ...through, 'pull', '--quiet', '--ff-only');
        expect(await git('-C', clone, 'rev-parse', 'HEAD')).toBe(await git('-C', work, 'rev-parse', 'HEAD'));
        await git('-C', clone, 'fsck', '--full', '--strict');
      }
    }
    const log = await proxy.stop();
    await origin.close();
    expect(origin.requests.length).toBe(log.length);
    expect(log.filter(({ cache }) => cache !== 'forwarded')).toEqual([]);
    const [asked, fetched] = ['GET', 'POST'].map((wanted) => log.filter(({ method }) => method === wanted));
    expect(new Set(asked!.map(({ stored }) => stored))).toEqual(new Set(['no-cache']));
    expect(new Set(fetched!.map(({ cache_why, stored }) => `${cache_why} ${stored}`))).toEqual(new Set(['method null']));
  });
});
