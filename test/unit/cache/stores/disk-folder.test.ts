import { chmodSync, mkdirSync, mkdtempSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import {
  contentPath,
  diskFolder,
  existingFolder,
  keyHashOfName,
  newContentName,
  prepareFolder,
} from '../../../../src/cache/stores/disk-folder.ts';

let place: string;
beforeEach(() => {
  place = mkdtempSync(path.join(os.tmpdir(), 'sallyport-folder-'));
});
afterEach(() => {
  rmSync(place, { recursive: true, force: true });
});

describe('the folder of a disk store', () => {
  test('is made for this user alone, with the folders above it', () => {
    const folder = path.join(place, 'a', 'b');
    prepareFolder(folder);
    expect(statSync(folder).mode & 0o777).toBe(0o700);
    expect(statSync(path.join(folder, 'temporary')).mode & 0o777).toBe(0o700);
    prepareFolder(folder);
  });

  test('is tightened when others may look into it', () => {
    const folder = path.join(place, 'wide');
    mkdirSync(folder);
    chmodSync(folder, 0o755);
    prepareFolder(folder);
    expect(statSync(folder).mode & 0o777).toBe(0o700);
  });

  test('is refused when it holds something else, which is left alone', () => {
    writeFileSync(path.join(place, 'thesis.txt'), '');
    expect(() => prepareFolder(place)).toThrow(`${place} is not a cache: it holds thesis.txt. Choose an empty folder for the cache.`);
    expect(statSync(place).mode & 0o777).toBe(0o700);
  });

  test('is refused when it is a file', () => {
    const file = path.join(place, 'file');
    writeFileSync(file, '');
    expect(() => prepareFolder(file)).toThrow(`${file} cannot be the cache folder: there is a file of that name`);
    expect(() => prepareFolder(path.join(file, 'below'))).toThrow('there is a file of that name');
  });

  test('may be a link to one', () => {
    mkdirSync(path.join(place, 'real'));
    symlinkSync(path.join(place, 'real'), path.join(place, 'link'));
    prepareFolder(path.join(place, 'link'));
  });

  test('to look into must hold a cache', () => {
    expect(() => existingFolder(place)).toThrow(`${place} holds no cache yet. Check the cache folder in the configuration.`);
  });
});

test('names of contents are new each time, and tell the hash of the key', () => {
  for (const hash of [0, 1, 2 ** 32 - 1]) {
    const names = Array.from({ length: 100 }, () => newContentName(hash));
    expect(new Set(names).size).toBe(100);
    expect(names.every((name) => /^[0-9a-f]{32}$/.test(name) && keyHashOfName(name) === hash)).toBe(true);
  }
  expect(contentPath(diskFolder('/c'), 'ab'.repeat(16))).toBe(`/c/content/ab/${'ab'.repeat(16)}`);
});
