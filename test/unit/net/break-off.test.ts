import { expect, test } from 'vitest';
import { breakOff } from '../../../src/net/break-off.ts';

test.for([
  ['is reset', { destroyed: false, writableEnded: false, writableLength: 0 }, false, ['reset']],
  [
    'is reset with octets waiting, its end announced or not',
    { destroyed: false, writableEnded: true, writableLength: 9 },
    false,
    ['reset'],
  ],
  ['is closed when it has said everything', { destroyed: false, writableEnded: true, writableLength: 0 }, false, ['destroy']],
  ['is closed when it cannot be reset', { destroyed: false, writableEnded: false, writableLength: 0 }, true, ['reset', 'destroy']],
  ['is left alone when it is gone', { destroyed: true, writableEnded: false, writableLength: 0 }, false, []],
] as const)('a connection %s', ([, state, isUnable, expected]) => {
  const done: string[] = [];
  breakOff({
    ...state,
    writableCorked: 0,
    cork: () => {},
    uncork: () => {},
    destroy: () => done.push('destroy'),
    resetAndDestroy: () => {
      done.push('reset');
      if (isUnable) throw new TypeError('This handle type cannot be sent');
    },
  });
  expect(done).toEqual(expected);
});

test('what waits for the end of the turn is written before the reset', () => {
  const done: string[] = [];
  const socket = {
    ...{ destroyed: false, writableEnded: false, writableLength: 4, writableCorked: 2 },
    cork: () => {},
    uncork: () => {
      socket.writableCorked -= 1;
      done.push('uncork');
    },
    destroy: () => done.push('destroy'),
    resetAndDestroy: () => done.push('reset'),
  };
  breakOff(socket);
  expect(done).toEqual(['uncork', 'uncork', 'reset']);
});
