// git over HTTPS through tunnels that the proxy opens: its own protocol, with packs in chunks, over both versions of HTTP.
import { randomBytes } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { inBothVersions } from '../support/both-versions.ts';
import { type DualOrigin, startDualOrigin } from '../support/dual-origin.ts';
import { serveGit } from '../support/git-server.ts';
import { type OpeningProcess, runOpeningProxy } from '../support/opening-process.ts';
import { describeWith, run, succeed } from '../support/programs.ts';
import { createTemporaryCa, type TemporaryCa } from '../support/temp-ca.ts';
import { temporaryFolder } from '../support/temp-files.ts';

describeWith(['git', 'openssl'], 'git, through opened tunnels', () => {
  const folder = temporaryFolder(afterAll);
  const served = path.join(folder, 'served');
  const work = path.join(folder, 'work');
  let ca: TemporaryCa;
  let proxy: OpeningProcess;
  let origin: DualOrigin;

  beforeAll(async () => {
    ca = createTemporaryCa(folder);
    origin = await startDualOrigin(ca, inBothVersions(serveGit(served)));
    proxy = await runOpeningProxy(folder, ca);
    mkdirSync(work);
    await git('init', '--quiet', '--initial-branch=main', work);
    await commit('a', 100_000);
  });
  afterAll(async () => {
    await proxy.stop();
    await origin.close();
  });

  function environment(roots: string): Record<string, string> {
    return {
      https_proxy: proxy.url,
      GIT_SSL_CAINFO: roots,
      GIT_CONFIG_NOSYSTEM: '1',
      GIT_TERMINAL_PROMPT: '0',
      GIT_AUTHOR_NAME: 'Tester',
      GIT_AUTHOR_EMAIL: 'tester@example.org',
      GIT_COMMITTER_NAME: 'Tester',
      GIT_COMMITTER_EMAIL: 'tester@example.org',
    };
  }

  async function git(...words: string[]): Promise<string> {
    return (await succeed('git', words, { env: environment(proxy.authorityFile) })).toString().trim();
  }

  async function commit(name: string, size: number): Promise<void> {
    writeFileSync(path.join(work, name), randomBytes(size));
    await git('-C', work, 'add', '.');
    await git('-C', work, 'commit', '--quiet', '--message', name);
  }

  /** A repository that may be pushed to, with what has been committed so far. */
  async function serve(name: string): Promise<void> {
    const bare = path.join(served, name);
    await git('init', '--quiet', '--bare', '--initial-branch=main', bare);
    await git('-C', bare, 'config', 'http.receivepack', 'true');
    await git('-C', work, 'push', '--quiet', bare, 'main');
  }

  /** git names content by its hash and checks it, so the same commit is the same content. */
  async function expectSame(clone: string): Promise<void> {
    await git('-C', clone, 'fsck', '--full', '--strict');
    expect(await git('-C', clone, 'rev-parse', 'HEAD')).toBe(await git('-C', work, 'rev-parse', 'HEAD'));
    expect(await git('-C', clone, 'status', '--porcelain')).toBe('');
  }

  test.each([
    ['HTTP/1.1', '1.1'],
    ['HTTP/2', '2'],
  ])('clones, pushes more than it can measure beforehand, and fetches what is new over %s', async (wanted, version) => {
    const speaking = ['-c', `http.version=${wanted}`];
    const url = `${origin.url}/${version}.git`;
    const clone = path.join(folder, `clone-${version}`);
    await serve(`${version}.git`);
    await git(...speaking, 'clone', '--quiet', url, clone);
    await expectSame(clone);
    await commit(`b-${version}`, 5_000_000);
    await git(...speaking, '-C', work, 'push', '--quiet', url, 'main');
    await git(...speaking, '-C', clone, 'pull', '--quiet', '--ff-only');
    await expectSame(clone);
    await proxy.logged(({ target, bytes_out }) => target === `${url}/git-upload-pack` && bytes_out > 5_000_000);
    const inside = proxy.log.filter(({ target }) => target.startsWith(url));
    expect(inside.length).toBeGreaterThan(4);
    expect(inside.filter((line) => line.outcome !== 'forwarded' || line.version !== version || line.upstream_version !== version)).toEqual(
      [],
    );
  });

  test('says what it does not trust', async () => {
    const words = ['clone', `${origin.url}/2.git`, path.join(folder, 'never')];
    const { code, err } = await run('git', words, { env: environment(ca.certFile) });
    expect(code).not.toBe(0);
    expect(err).toMatch(/certificate verification failed|unable to get local issuer/);
  });
});
