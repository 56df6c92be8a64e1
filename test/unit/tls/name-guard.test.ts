import { describe, expect, test } from 'vitest';
import { NameGuard } from '../../../src/tls/name-guard.ts';
import { clientHello, fragmented, helloMessage, record, serverName } from '../../support/tls-hello.ts';

const RETRY = 'cf21ad74e59a6111be1d8c021e65b891c2a211167abb8c5e079e09e2c8a8339c';
const named = (name: string) => clientHello({ extensions: [serverName(name)] });
const FIRST = named('a.example');
const OTHER = named('b.example');
const RANDOM = Buffer.alloc(32, 5);
const CHANGE_CIPHER_SPEC = record(Buffer.of(1), 20);
const EARLY_DATA = record(Buffer.alloc(300, 1), 23);
const WARNING = record(Buffer.of(1, 112), 21);
const FINISHED = record(Buffer.of(1, 2, 3, 4));

const serverHello = (random = RANDOM) => record(serverMessage(random));
const retryRequest = () => serverHello(Buffer.from(RETRY, 'hex'));

function serverMessage(random: Buffer): Buffer {
  return Buffer.concat([Buffer.from([2, 0, 0, 70, 3, 3]), random, Buffer.alloc(36)]);
}

/** What of the steps, each of them whole or octet by octet, the server has heard when all of them are over; and the objection. */
function passed(steps: readonly (readonly ['client' | 'server', Buffer])[], step: number): { heard: Buffer; objection: string | null } {
  const guard = new NameGuard('a.example', FIRST);
  const heard = [guard.fromClient(FIRST)];
  for (const [side, bytes] of steps) {
    for (let at = 0; at < bytes.length; at += step) {
      const piece = Buffer.from(bytes.subarray(at, at + step));
      if (side === 'server') guard.fromServer(piece);
      else heard.push(guard.fromClient(piece));
      if (guard.objection !== null) return { heard: Buffer.concat(heard.filter((each) => each !== null)), objection: guard.objection };
      if (side === 'server') piece.fill(0);
    }
  }
  return { heard: Buffer.concat(heard.filter((each) => each !== null)), objection: null };
}

describe.each([
  ['at once', 100_000],
  ['octet by octet', 1],
])('what comes %s', (_, step) => {
  test.each<[string, (readonly ['client' | 'server', Buffer])[]]>([
    [
      'TLS 1.2, whose last message is encrypted and may look like a hello',
      [
        ['server', serverHello()],
        ['client', FINISHED],
        ['client', OTHER],
      ],
    ],
    [
      'TLS 1.3 with early data',
      [
        ['client', CHANGE_CIPHER_SPEC],
        ['client', EARLY_DATA],
        ['server', serverHello()],
        ['client', EARLY_DATA],
      ],
    ],
    [
      'a second hello with the same name',
      [
        ['server', retryRequest()],
        ['client', CHANGE_CIPHER_SPEC],
        ['client', FIRST],
        ['client', EARLY_DATA],
      ],
    ],
    [
      'one behind early data',
      [
        ['client', EARLY_DATA],
        ['server', retryRequest()],
        ['client', EARLY_DATA],
        ['client', FIRST],
      ],
    ],
    [
      'one in several records',
      [
        ['server', retryRequest()],
        ['client', fragmented(helloMessage({ extensions: [serverName('A.example.')] }), 20)],
      ],
    ],
    [
      'a warning before the answer',
      [
        ['server', WARNING],
        ['server', serverHello()],
        ['client', FINISHED],
      ],
    ],
    [
      'an answer in several records',
      [
        ['server', fragmented(serverMessage(RANDOM), 7)],
        ['client', FINISHED],
      ],
    ],
    [
      'a server that speaks something else',
      [
        ['server', Buffer.from('HTTP/1.1 400 Bad Request\r\n\r\n')],
        ['client', OTHER],
      ],
    ],
  ])('passes: %s', (_name, steps) => {
    const said = steps.filter(([side]) => side === 'client').map(([, bytes]) => bytes);
    expect(passed(steps, step)).toEqual({ heard: Buffer.concat([FIRST, ...said]), objection: null });
  });

  test.each<[string, (readonly ['client' | 'server', Buffer])[], string]>([
    [
      'another name',
      [
        ['server', retryRequest()],
        ['client', OTHER],
      ],
      'b.example comes in the second ClientHello',
    ],
    [
      'no name',
      [
        ['server', retryRequest()],
        ['client', clientHello({ extensions: [] })],
      ],
      'no name comes in the second ClientHello',
    ],
    [
      'another name in several records',
      [
        ['server', retryRequest()],
        ['client', fragmented(OTHER.subarray(5), 9)],
      ],
      'b.example comes',
    ],
    [
      'another name behind a warning',
      [
        ['server', Buffer.concat([WARNING, retryRequest()])],
        ['client', OTHER],
      ],
      'b.example comes',
    ],
    [
      'a request for it in several records',
      [
        ['server', fragmented(serverMessage(Buffer.from(RETRY, 'hex')), 7)],
        ['client', OTHER],
      ],
      'b.example comes',
    ],
    [
      'a hello before the answer',
      [
        ['client', FIRST],
        ['server', retryRequest()],
      ],
      'a handshake message comes before the server has answered',
    ],
    [
      'one behind early data',
      [
        ['client', EARLY_DATA],
        ['client', OTHER],
      ],
      'a handshake message comes before the server has answered',
    ],
    [
      'something else than a hello',
      [
        ['server', retryRequest()],
        ['client', record(Buffer.of(16, 0, 0, 1, 0))],
      ],
      'cannot be read',
    ],
    [
      'an answer that only warns',
      [
        ['server', Buffer.concat(Array(700).fill(WARNING))],
        ['client', OTHER],
      ],
      'b.example comes',
    ],
  ])('is objected to: %s', (_name, steps, objection) => {
    const { heard, objection: said } = passed(steps, step);
    expect(said).toContain(`TLS was begun with a.example, and ${objection}`.slice(0, 30));
    expect(said).toContain(objection);
    expect(heard.includes('b.example')).toBe(false);
  });
});

test('what came behind the first hello in the same octets is looked at, too', () => {
  const octets = Buffer.concat([FIRST, OTHER]);
  const guard = new NameGuard('a.example', octets);
  expect(guard.fromClient(octets)).toBe(null);
});

test('nothing more is looked at once the server has answered', () => {
  const guard = new NameGuard('a.example', FIRST);
  guard.fromClient(FIRST);
  expect(guard.isOver).toBe(false);
  guard.fromServer(serverHello());
  expect(guard.isOver).toBe(true);
});
