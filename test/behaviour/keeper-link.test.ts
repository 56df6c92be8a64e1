// The link between a worker and the keeper, over a real Unix socket.
import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import path from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { Link, type LinkParts, NoAnswer } from '../../src/cluster/link.ts';
import { temporaryFolder } from '../support/temp-files.ts';

/** As simple as can be: a number is asked for its double, and anything may be said. */
type Plain = {
  readonly said: { readonly word: string };
  readonly questions: { readonly double: { readonly asks: { readonly of: number }; readonly answers: { readonly is: number } } };
};

interface End {
  readonly link: Link<Plain, Plain>;
  readonly socket: Socket;
  readonly heard: readonly { readonly word: string; readonly octets: ArrayBuffer | null }[];
  /** Why it closed. */
  readonly closed: Promise<string | null>;
}

function endOf(socket: Socket, answer: LinkParts<Plain>['answer'] = ({ of }) => ({ is: of * 2 })): End {
  const heard: { word: string; octets: ArrayBuffer | null }[] = [];
  const { promise: closed, resolve } = Promise.withResolvers<string | null>();
  const link = new Link<Plain, Plain>(socket, { heard: ({ word }, octets) => heard.push({ word, octets }), answer, closed: resolve });
  onTestFinished(() => link.destroy());
  return { link, socket, heard, closed };
}

async function sockets(): Promise<readonly [Socket, Socket]> {
  const file = path.join(temporaryFolder(onTestFinished), 'link.sock');
  const server = createServer().listen(file);
  await once(server, 'listening');
  const client = connect(file);
  const [other] = (await once(server, 'connection')) as [Socket];
  server.close();
  return [client, other];
}

async function linked(answer?: LinkParts<Plain>['answer']): Promise<readonly [End, End]> {
  const [one, other] = await sockets();
  return [endOf(one), endOf(other, answer)];
}

test('both ends ask, and each answer goes to its question', async () => {
  const [one, other] = await linked();
  const asked = Array.from({ length: 50 }, (_, i) => one.link.ask({ kind: 'double', of: i }));
  expect(await other.link.ask({ kind: 'double', of: 21 })).toEqual({ is: 42 });
  expect((await Promise.all(asked)).map(({ is }) => is)).toEqual(Array.from({ length: 50 }, (_, i) => i * 2));
});

test('what is said comes in order, with its octets, however large they are', async () => {
  const [one, other] = await linked();
  const large = Buffer.alloc(3 * 2 ** 20, 7);
  one.link.say({ word: 'a' });
  one.link.say({ word: 'b' }, large);
  one.link.say({ word: 'c' });
  await one.link.ask({ kind: 'double', of: 1 });
  expect(other.heard.map(({ word }) => word)).toEqual(['a', 'b', 'c']);
  expect(Buffer.from(other.heard[1]!.octets!).equals(large)).toBe(true);
});

test('what is said in one turn is one write', async () => {
  const [one, other] = await linked();
  let chunks = 0;
  other.socket.on('data', () => (chunks += 1));
  for (let i = 0; i < 100; i += 1) one.link.say({ word: 'x' });
  await one.link.ask({ kind: 'double', of: 1 });
  expect(chunks).toBe(1);
});

test('a refusal comes back as its sentence', async () => {
  const [one] = await linked(() => {
    throw new Error('There is no number to double.');
  });
  await expect(one.link.ask({ kind: 'double', of: 1 })).rejects.toThrow(new NoAnswer('There is no number to double.'));
});

test('whoever waits for an end that is gone is told so, and later questions are refused at once', async () => {
  const [one, other] = await linked(() => new Promise(() => {}));
  const asked = one.link.ask({ kind: 'double', of: 1 });
  asked.catch(() => {});
  other.link.destroy();
  await expect(asked).rejects.toThrow(NoAnswer);
  await one.closed;
  expect(one.link.isOpen).toBe(false);
  await expect(one.link.ask({ kind: 'double', of: 2 })).rejects.toThrow(NoAnswer);
  one.link.say({ word: 'into the void' });
});

test('what was said before an end closes in good order arrives', async () => {
  const [one, other] = await linked();
  one.link.say({ word: 'last' }, Buffer.alloc(2 ** 20));
  one.link.close();
  expect(await other.closed).toBeNull();
  expect(other.heard.map(({ word }) => word)).toEqual(['last']);
});

test('an end that takes nothing is not written to without bound', async () => {
  const [one, other] = await sockets();
  const end = endOf(one);
  other.pause();
  onTestFinished(() => void other.destroy());
  const large = Buffer.alloc(16 * 2 ** 20);
  for (let i = 0; i < 40 && end.link.unsent < 2 ** 30; i += 1) end.link.say({ word: 'more' }, large);
  expect(await end.closed).toBe('the other end takes nothing');
});

test('an end that speaks something else is hung up on, with the reason', async () => {
  const [one, other] = await sockets();
  const end = endOf(one);
  onTestFinished(() => void other.destroy());
  other.write('GET / HTTP/1.1\r\n\r\n');
  expect(await end.closed).toMatch(/^a head of \d+ octets$/);
});
