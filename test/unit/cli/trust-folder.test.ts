import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { rootCertificates } from 'node:tls';
import { expect, onTestFinished, test } from 'vitest';
import { TrustFolder } from '../../../src/cli/trust-folder.ts';
import { temporaryFolder } from '../../support/temp-files.ts';

const OURS = rootCertificates[0]!;
const THEIRS = rootCertificates[1]!;

function trustFolder() {
  const reported: string[] = [];
  const folder = new TrustFolder(`${OURS}\n`, (line) => reported.push(line));
  onTestFinished(() => folder.remove());
  return { folder, reported };
}

function theirFile(content: string): string {
  const file = path.join(temporaryFolder(onTestFinished), 'theirs.pem');
  writeFileSync(file, content);
  return file;
}

function certificatesIn(file: string): string[] {
  return readFileSync(file, 'utf8').match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? [];
}

test("a file that replaces roots has the system's and ours", () => {
  const { folder } = trustFolder();
  const certificates = certificatesIn(folder.allRoots(null));
  expect(certificates.length).toBeGreaterThan(2);
  expect(certificates.at(-1)).toBe(OURS);
});

test('a file that was named before keeps what is in it, with or without an end of line', () => {
  const { folder } = trustFolder();
  for (const end of ['', '\n']) {
    const file = theirFile(`# ours at work\n${THEIRS}${end}`);
    for (const made of [folder.allRoots(file), folder.addedRoots(file)]) expect(certificatesIn(made)).toEqual([THEIRS, OURS]);
  }
});

test('a file that adds roots has ours alone where none was named', () => {
  const { folder } = trustFolder();
  expect(certificatesIn(folder.addedRoots(null))).toEqual([OURS]);
});

test("a file that was named and cannot be read is told of, and the system's roots stand in", () => {
  const { folder, reported } = trustFolder();
  expect(certificatesIn(folder.allRoots('/no/such/file')).length).toBeGreaterThan(2);
  expect(reported).toEqual([expect.stringMatching(/^\/no\/such\/file: .*cannot be read \(ENOENT\)/)]);
});

test('what is asked for twice is made once', () => {
  const { folder } = trustFolder();
  expect(folder.allRoots(null)).toBe(folder.allRoots(null));
  expect(folder.allRoots(null)).not.toBe(folder.addedRoots(null));
});

test('the start-up file of wget keeps what stood in the one before', () => {
  const { folder } = trustFolder();
  const before = theirFile('tries = 3');
  expect(readFileSync(folder.wgetStartFile(before), 'utf8')).toBe(`tries = 3\nca_certificate = ${folder.allRoots(null)}\n`);
});

test('only this user may read any of it, and it is gone afterwards', () => {
  const { folder } = trustFolder();
  folder.allRoots(null);
  folder.javaTrustStore();
  expect(statSync(folder.path).mode & 0o777).toBe(0o700);
  const files = readdirSync(folder.path);
  expect(files).toHaveLength(2);
  for (const file of files) expect(statSync(path.join(folder.path, file)).mode & 0o777).toBe(0o600);
  folder.remove();
  expect(existsSync(folder.path)).toBe(false);
});
