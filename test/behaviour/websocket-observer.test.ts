// A WebSocket between a client and a server that are not ours, through a relay that is watched: both get what the other has said, and the observer
// has seen the same messages as they.
import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { describe, expect, it, onTestFinished } from 'vitest';
import { type ClientOptions, type PerMessageDeflateOptions, WebSocket, WebSocketServer } from 'ws';
import { Deadlines } from '../../src/net/deadlines.ts';
import { Relay, type TunnelObserver } from '../../src/tunnel/relay.ts';
import { UpstreamConnection } from '../../src/upstream/connection.ts';
import { ReadBuffers } from '../../src/upstream/read-buffers.ts';
import { startRawServer } from '../support/origin.ts';
import { hear, type Watched, watch } from '../support/websocket-frames.ts';

const LARGE = 3_000_000;
const OPTIONS = { previewOctets: LARGE, maxInflated: LARGE };
const MESSAGES: readonly (string | Buffer)[] = [
  'short',
  '',
  'ж'.repeat(5_000),
  randomBytes(70_000),
  'short',
  Buffer.alloc(0),
  Buffer.alloc(200_000, 'abc'),
  'ж'.repeat(5_000),
  randomBytes(2_000_000),
  'short',
];

describe('a client and a server of the ws package', () => {
  it.each<[string, boolean | PerMessageDeflateOptions, ClientOptions['perMessageDeflate']]>([
    ['without compression', false, true],
    ['with contexts kept', { threshold: 0 }, true],
    ['with contexts forgotten', { threshold: 0, serverNoContextTakeover: true, clientNoContextTakeover: true }, true],
    [
      'with one context kept, and small windows',
      { threshold: 0, clientNoContextTakeover: true, serverMaxWindowBits: 9 },
      { clientMaxWindowBits: 10 },
    ],
  ])('%s', async (_, ofServer, ofClient) => {
    const { client, server, watched, octets } = await open(ofServer, ofClient);
    const atServer = collect(server);
    const atClient = collect(client);
    for (const message of MESSAGES) {
      client.send(message);
      server.send(message);
    }
    server.send('frag', { fin: false });
    server.ping('between');
    server.send('ments', { fin: true });
    client.close(4001, 'enough');
    await Promise.all([once(client, 'close'), once(server, 'close')]);

    expect(atServer).toEqual(MESSAGES.map((message) => digest(message)));
    expect(atClient).toEqual([...MESSAGES.map((message) => digest(message)), digest('fragments')]);
    const seen = (direction: string): string[] =>
      watched.seen.flatMap((event, at) => {
        const isMessage = event.direction === direction && (event.kind === 'text' || event.kind === 'binary');
        return isMessage ? [event.problem ?? digest(watched.previews[at]!)] : [];
      });
    expect(seen('from-client')).toEqual(atServer);
    expect(seen('to-client')).toEqual(atClient);
    expect(watched.seen.filter(({ problem }) => problem !== null)).toEqual([]);
    expect(watched.seen.filter(({ kind }) => kind === 'ping')).toMatchObject([{ preview: 'between', direction: 'to-client' }]);
    expect(watched.seen.find(({ kind }) => kind === 'close')).toMatchObject({
      closeCode: 4001,
      preview: 'enough',
      direction: 'from-client',
    });
    expect(watched.observer.counts).toEqual({
      messagesFromClient: MESSAGES.length,
      messagesToClient: MESSAGES.length + 1,
      closeCode: 4001,
    });

    const replayed = watch(ofServer === false ? undefined : client.extensions, OPTIONS);
    for (const way of ['fromClient', 'toClient'] as const) {
      const bytes = Buffer.concat(octets[way]);
      const cuts = Array.from({ length: 3_000 }, (_cut, at) => at + 1).filter((at) => at < bytes.length);
      hear((piece) => replayed.observer[way](piece), bytes, ...cuts);
    }
    expect(replayed.observer.counts).toEqual({ ...watched.observer.counts });
    expect(replayed.previews.map(digest).sort()).toEqual(watched.previews.map(digest).sort());
  });
});

interface WatchedSocket {
  readonly client: WebSocket;
  readonly server: WebSocket;
  readonly watched: Watched;
  readonly octets: Readonly<Record<'fromClient' | 'toClient', Buffer[]>>;
}

async function open(ofServer: boolean | PerMessageDeflateOptions, ofClient: ClientOptions['perMessageDeflate']): Promise<WatchedSocket> {
  const origin = new WebSocketServer({ port: 0, host: '127.0.0.1', perMessageDeflate: ofServer });
  await once(origin, 'listening');
  const deadlines = new Deadlines();
  let agreed: string | undefined;
  let watched: Watched | undefined;
  const octets: WatchedSocket['octets'] = { fromClient: [], toClient: [] };
  // What was agreed on is known when the server's head has been read, and no frame comes before.
  const frames = (way: 'fromClient' | 'toClient') => (bytes: Buffer) => {
    octets[way].push(Buffer.from(bytes));
    watched ??= watch(agreed, OPTIONS);
    watched.observer[way](bytes);
  };
  const observer: TunnelObserver = {
    fromClient: afterHead(() => {}, frames('fromClient')),
    toClient: afterHead((head) => {
      agreed = /^sec-websocket-extensions: *(.*)$/im.exec(head)?.[1];
    }, frames('toClient')),
  };
  const near = await startRawServer((connection) => {
    const upstream = UpstreamConnection.dial('127.0.0.1', (origin.address() as AddressInfo).port, new ReadBuffers('lossy'));
    new Relay({
      client: connection.release(),
      upstream,
      early: Buffer.alloc(0),
      idleTimeoutMs: 60_000,
      deadlines,
      onEnd: () => {},
      observer,
    });
  });
  onTestFinished(async () => {
    deadlines.close();
    origin.close();
    await near.close();
  });
  const accepted = once(origin, 'connection') as Promise<[WebSocket]>;
  const client = new WebSocket(`ws://127.0.0.1:${near.port}/`, { perMessageDeflate: ofClient ?? false });
  const [[server]] = await Promise.all([accepted, once(client, 'open')]);
  watched ??= watch(agreed, OPTIONS);
  return { client, server, watched, octets };
}

/** The handshake is not part of the WebSocket. */
function afterHead(onHead: (head: string) => void, onBytes: (bytes: Buffer) => void): (bytes: Buffer) => void {
  let head = '';
  let isOver = false;
  return (bytes) => {
    if (isOver) return onBytes(bytes);
    const before = head.length;
    head += bytes.toString('latin1');
    const end = head.indexOf('\r\n\r\n');
    if (end === -1) return undefined;
    isOver = true;
    onHead(head.slice(0, end));
    const rest = bytes.subarray(end + 4 - before);
    return rest.length === 0 ? undefined : onBytes(rest);
  };
}

/** Short enough to be read where two differ. */
function digest(content: string | Buffer): string {
  return `${Buffer.byteLength(content)} ${createHash('sha256').update(content).digest('hex').slice(0, 16)}`;
}

function collect(socket: WebSocket): string[] {
  const messages: string[] = [];
  socket.on('message', (data) => messages.push(digest(data as Buffer)));
  return messages;
}

describe('what ws does not take', () => {
  // In the other direction it is the same receiver.
  it.each([
    ['a reserved opcode', '8300'],
    ['a reserved bit without an extension', 'c100'],
    ['a masked frame of a server', '818000000000'],
    ['a ping in parts', '0900'],
    ['a ping of 126 octets', `897e007e${'00'.repeat(126)}`],
    ['a continuation of nothing', '8000'],
    ['a message within another', '01008100'],
    ['a close frame of one octet', '880100'],
    ['more octets than there can be', '827f8000000000000000'],
  ])('%s is a problem to the observer, too', async (_, hex) => {
    const octets = Buffer.from(hex, 'hex');
    const { observer, seen } = watch();
    hear((bytes) => observer.toClient(bytes), octets);
    expect(seen.filter(({ problem }) => problem !== null)).toHaveLength(1);

    const server = await startRawServer(async (connection) => {
      const head = (await connection.readUntil('\r\n\r\n')).toString('latin1');
      const accept = createHash('sha1').update(`${/sec-websocket-key: *(.*)\r/i.exec(head)?.[1]}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`);
      const answer = `HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${accept.digest('base64')}\r\n\r\n`;
      await connection.send(Buffer.concat([Buffer.from(answer), octets]));
    });
    onTestFinished(() => server.close());
    const client = new WebSocket(`ws://127.0.0.1:${server.port}/`, { perMessageDeflate: false });
    const [error] = (await once(client, 'error').catch((thrown: unknown) => [thrown])) as [Error & { code?: string }];
    expect(error.code).toMatch(/^WS_ERR_/);
  });
});
