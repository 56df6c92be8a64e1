// git over HTTP through the proxy: its own protocol (requests in gzip and in chunks), and plain files from a server that knows nothing of git.
import { randomBytes } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { serveGit } from '../support/git-server.ts';
import { describeWith, succeed } from '../support/programs.ts';
import { type ProxyProcess, runProxy } from '../support/run-proxy.ts';
import { serveFiles } from '../support/serve-files.ts';
import { createTemporaryCa, type TemporaryCa } from '../support/temp-ca.ts';
import { temporaryFolder } from '../support/temp-files.ts';
import { startWebOrigin, type WebOrigin } from '../support/web-origin.ts';

describeWith(['git', 'openssl'], 'git', () => {
  const folder = temporaryFolder(afterAll);
  const served = path.join(folder, 'served');
  const work = path.join(folder, 'work');
  let ca: TemporaryCa;
  let proxy: ProxyProcess;
  let origin: WebOrigin;
  let secureOrigin: WebOrigin;
  let fileOrigin: WebOrigin;

  beforeAll(async () => {
    ca = createTemporaryCa(folder);
    origin = await startWebOrigin(serveGit(served));
    secureOrigin = await startWebOrigin(serveGit(served), ca.issue('localhost'));
    fileOrigin = await startWebOrigin(serveFiles(served));
    proxy = await runProxy();
    mkdirSync(work);
    await git('init', '--quiet', '--initial-branch=main', work);
    await commit('a', 100_000);
    await git('init', '--quiet', '--bare', '--initial-branch=main', path.join(served, 'project.git'));
    await git('-C', path.join(served, 'project.git'), 'config', 'http.receivepack', 'true');
    await git('-C', work, 'push', '--quiet', path.join(served, 'project.git'), 'main');
  });
  afterAll(async () => {
    await proxy.stop();
    await Promise.all([origin.close(), secureOrigin.close(), fileOrigin.close()]);
  });

  async function git(...words: string[]): Promise<string> {
    const env = {
      http_proxy: proxy.url,
      https_proxy: proxy.url,
      GIT_SSL_CAINFO: ca.certFile,
      GIT_CONFIG_NOSYSTEM: '1',
      GIT_TERMINAL_PROMPT: '0',
      GIT_AUTHOR_NAME: 'Tester',
      GIT_AUTHOR_EMAIL: 'tester@example.org',
      GIT_COMMITTER_NAME: 'Tester',
      GIT_COMMITTER_EMAIL: 'tester@example.org',
    };
    return (await succeed('git', words, { env })).toString().trim();
  }

  async function commit(name: string, size: number): Promise<void> {
    writeFileSync(path.join(work, name), randomBytes(size));
    await git('-C', work, 'add', '.');
    await git('-C', work, 'commit', '--quiet', '--message', name);
  }

  /** git names content by its hash and checks it, so the same commit is the same content. */
  async function expectSame(clone: string): Promise<void> {
    await git('-C', clone, 'fsck', '--full', '--strict');
    expect(await git('-C', clone, 'rev-parse', 'HEAD')).toBe(await git('-C', work, 'rev-parse', 'HEAD'));
    expect(await git('-C', clone, 'status', '--porcelain')).toBe('');
  }

  test('clones, fetches what is new, and pushes', async () => {
    const clone = path.join(folder, 'clone');
    await git('clone', '--quiet', `${origin.url}/project.git`, clone);
    await expectSame(clone);
    expect(origin.requests.length).toBeGreaterThan(1);
    expect(origin.requests.every(({ headers }) => headers.via !== undefined)).toBe(true);

    await commit('b', 200_000);
    await git('-C', work, 'push', '--quiet', `${origin.url}/project.git`, 'main');
    await git('-C', clone, 'pull', '--quiet', '--ff-only');
    await expectSame(clone);
  });

  test('pushes more than it can measure beforehand, in chunks', async () => {
    await commit('c', 5_000_000);
    await git('-C', work, 'push', '--quiet', `${origin.url}/project.git`, 'main');
    expect(origin.requests.some(({ method, headers }) => method === 'POST' && headers['transfer-encoding'] === 'chunked')).toBe(true);
    await git('clone', '--quiet', `${origin.url}/project.git`, path.join(folder, 'large'));
    await expectSame(path.join(folder, 'large'));
  });

  test('clones and pushes over HTTPS, through tunnels', async () => {
    const clone = path.join(folder, 'secure');
    await git('clone', '--quiet', `${secureOrigin.url}/project.git`, clone);
    await expectSame(clone);
    await commit('d', 2_000_000);
    await git('-C', work, 'push', '--quiet', `${secureOrigin.url}/project.git`, 'main');
    await git('-C', clone, 'pull', '--quiet', '--ff-only');
    await expectSame(clone);
    await proxy.logged(({ method, target }) => method === 'CONNECT' && target === `localhost:${secureOrigin.port}`);
  });

  test('clones from plain files', async () => {
    await git('-C', path.join(served, 'project.git'), 'update-server-info');
    const clone = path.join(folder, 'from-files');
    await git('clone', '--quiet', `${fileOrigin.url}/project.git`, clone);
    await expectSame(clone);
  });
});
