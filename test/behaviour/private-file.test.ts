// Files with a key in them: what cannot be put where it belongs stays nowhere else.
import { mkdirSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { createPrivateFile, replacePrivateFile } from '../../src/tls/private-file.ts';
import { temporaryFolder } from '../support/temp-files.ts';

const folder = temporaryFolder(afterAll);

test('a key that cannot be put in its place leaves no copy beside it', () => {
  mkdirSync(path.join(folder, 'ca.key', 'in-the-way'), { recursive: true });
  expect(() => replacePrivateFile(path.join(folder, 'ca.key'), 'secret')).toThrow(/ca\.key: cannot be written/);
  expect(readdirSync(folder)).toEqual(['ca.key']);
});

test('a file that is there already stays as it is', () => {
  expect(createPrivateFile(path.join(folder, 'a'), 'one')).toBe(true);
  expect(createPrivateFile(path.join(folder, 'a'), 'two')).toBe(false);
});
