import { expect, test } from 'vitest';
import { cannotListen, cannotRead } from '../../../src/errors/start-error.ts';

test.each([
  [
    'EADDRINUSE',
    '127.0.0.1:8080',
    'unavailable',
    '127.0.0.1:8080 is in use by another program. Stop it, or choose another address with --listen.',
  ],
  ['EADDRNOTAVAIL', '192.0.2.1:80', 'unavailable', '192.0.2.1:80 is not an address of this machine. Choose another with --listen.'],
  [
    'EACCES',
    '127.0.0.1:80',
    'permission',
    '127.0.0.1:80 may not be used by this user. Choose a port above 1023 with --listen, or grant the right to bind low ports.',
  ],
  [
    'EACCES',
    'unix:/no/s',
    'permission',
    'unix:/no/s cannot be made: its folder does not exist, or this user may not write there. Choose another path with --listen.',
  ],
  ['EMFILE', '[::1]:80', 'unavailable', '[::1]:80 cannot be listened on (EMFILE). Choose another address with --listen.'],
])('%s at %s', (code, where, kind, problem) => {
  expect(cannotListen(where, nodeError(code))).toMatchObject({ kind, problems: [problem] });
});

test.each([
  ['ENOENT', 'unreadable', 'a.yaml: the configuration file does not exist. Check the path.'],
  ['EISDIR', 'unreadable', 'a.yaml: the configuration file is a folder, not a file. Check the path.'],
  ['EACCES', 'permission', 'a.yaml: no permission to read the configuration file. Give this user read access to it.'],
  ['EIO', 'unreadable', 'a.yaml: the configuration file cannot be read (EIO). Check the path.'],
])('%s when reading', (code, kind, problem) => {
  expect(cannotRead('the configuration file', 'a.yaml', nodeError(code))).toMatchObject({ kind, problems: [problem] });
});

function nodeError(code: string): Error {
  return Object.assign(new Error(code), { code });
}
