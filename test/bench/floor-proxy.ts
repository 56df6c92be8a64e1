// The floor: what Node itself costs when it forwards requests and carries tunnels, with nothing else done. It trusts everybody, checks nothing
// and knows only what the workloads send (no request content, responses with Content-Length); what lies below /stored/ it keeps for ever.
// It is to measure against, never to be used.
// `node floor-proxy.ts PORT [CERTIFICATE KEY ROOTS]`; with these files it opens every tunnel, and verifies origins as Node does.
import { readFileSync } from 'node:fs';
import { connect, createServer, type Socket } from 'node:net';
import { createSecureContext, type SecureContext, connect as secure, TLSSocket } from 'node:tls';

const [, , proxyPort, ...files] = process.argv;
const TLS = files.length === 0 ? null : readTls(files);

createServer({ noDelay: true }, (client) => serve(client, null)).listen({ port: Number(proxyPort), host: '127.0.0.1', backlog: 4096 });

/** @param opened  the authority of the tunnel that it came out of; `null` outside */
function serve(client: Socket, opened: string | null): void {
  client.on('error', () => {});
  let unread: Buffer = Buffer.alloc(0);
  let isBusy = false;
  const readOn = () => {
    const end = isBusy ? -1 : unread.indexOf(HEAD_END);
    if (end < 0) return;
    const head = unread.toString('latin1', 0, end);
    unread = unread.subarray(end + HEAD_END.length);
    if (head.startsWith('CONNECT ')) {
      client.removeListener('data', onData);
      if (TLS === null) openTunnel(client, head);
      else openTls(client, head.slice('CONNECT '.length, head.indexOf(' ', 'CONNECT '.length)), TLS.client);
      return;
    }
    isBusy = true;
    forward(client, opened, head, () => {
      isBusy = false;
      readOn();
    });
  };
  const onData = (bytes: Buffer) => {
    unread = unread.length === 0 ? bytes : Buffer.concat([unread, bytes]);
    readOn();
  };
  client.on('data', onData);
}

/** A kept connection to an origin: one exchange at a time. */
interface Upstream {
  readonly socket: Socket;
  onBytes: (bytes: Buffer) => void;
}

function forward(client: Socket, opened: string | null, head: string, done: () => void): void {
  const [method = '', target = ''] = head.split(' ', 2);
  // `http://authority/path`; a real URL parser would be no floor.
  const slash = opened === null ? target.indexOf('/', 'http://'.length) : 0;
  const stored = STORED.get(target);
  if (stored !== undefined) {
    client.write(stored);
    done();
    return;
  }
  const authority = opened ?? target.slice('http://'.length, slash);
  const idle = IDLE.get(authority) ?? [];
  IDLE.set(authority, idle);
  const upstream = idle.pop() ?? connectUpstream(authority, client);
  let left = -1;
  const kept: Buffer[] | null = target.startsWith('/stored/', slash) ? [] : null;
  upstream.onBytes = (bytes) => {
    if (left < 0) {
      // One read holds a whole head here: an origin on this machine writes it at once.
      const end = bytes.indexOf(HEAD_END);
      const response = bytes.toString('latin1', 0, end);
      left = Number(/\r\ncontent-length: *(\d+)/i.exec(response)?.[1] ?? 0) + end + HEAD_END.length;
      const passed = `${response.replace(CONNECTION_FIELDS, '')}\r\nVia: 1.1 floor\r\n\r\n`;
      client.cork();
      client.write(passed, 'latin1');
      client.write(bytes.subarray(end + HEAD_END.length));
      client.uncork();
      kept?.push(Buffer.from(passed, 'latin1'), bytes.subarray(end + HEAD_END.length));
    } else {
      client.write(bytes);
      kept?.push(bytes);
    }
    left -= bytes.length;
    if (left > 0) return;
    if (kept !== null) STORED.set(target, Buffer.concat(kept));
    idle.push(upstream);
    done();
  };
  const fields = head.slice(head.indexOf('\r\n')).replace(CONNECTION_FIELDS, '');
  upstream.socket.write(`${method} ${target.slice(slash)} HTTP/1.1${fields}\r\nVia: 1.1 floor\r\n\r\n`, 'latin1');
}

function connectUpstream(authority: string, client: Socket): Upstream {
  const [host = '', port] = authority.split(':');
  const tcp = connect({ host, port: Number(port), noDelay: true });
  const socket = TLS === null ? tcp : secure({ socket: tcp, servername: host, secureContext: TLS.origin });
  const upstream: Upstream = { socket, onBytes: () => {} };
  upstream.socket.on('data', (bytes: Buffer) => upstream.onBytes(bytes));
  upstream.socket.on('error', () => client.destroy());
  return upstream;
}

function openTls(client: Socket, authority: string, secureContext: SecureContext): void {
  client.write('HTTP/1.1 200 OK\r\n\r\n');
  serve(new TLSSocket(client, { isServer: true, secureContext, ALPNProtocols: ['http/1.1'] }), authority);
}

function readTls(names: readonly string[]): { readonly client: SecureContext; readonly origin: SecureContext } {
  const [cert, key, ca] = names.map((name) => readFileSync(name));
  return { client: createSecureContext({ cert, key }), origin: createSecureContext({ ca }) };
}

function openTunnel(client: Socket, head: string): void {
  const [host = '', port] = head.slice('CONNECT '.length, head.indexOf(' ', 'CONNECT '.length)).split(':');
  client.pause();
  let buffer = takeBuffer();
  const read = (count: number, bytes: Uint8Array) => {
    let isPending = false;
    const mayGoOn = client.write(bytes.subarray(0, count), () => {
      if (isPending) FREE_BUFFERS.push(bytes as Buffer);
    });
    // What the kernel did not take at once still lies in this buffer: the next read needs another.
    if (client.writableLength > 0) {
      isPending = true;
      buffer = takeBuffer();
    }
    return mayGoOn;
  };
  const upstream = connect({ host, port: Number(port), noDelay: true, onread: { buffer: () => buffer, callback: read } }, () => {
    client.write('HTTP/1.1 200 OK\r\n\r\n');
    client.on('data', (bytes) => upstream.write(bytes) || client.pause());
    client.on('drain', () => upstream.resume());
    client.on('end', () => upstream.end());
    upstream.on('drain', () => client.resume());
    upstream.on('end', () => client.end());
    client.resume();
  });
  upstream.on('error', () => client.destroy());
  upstream.on('close', () => {
    FREE_BUFFERS.push(buffer);
    client.destroy();
  });
  client.on('close', () => upstream.destroy());
}

function takeBuffer(): Buffer {
  return FREE_BUFFERS.pop() ?? Buffer.allocUnsafeSlow(BUFFER_BYTES);
}

const HEAD_END = Buffer.from('\r\n\r\n');
const CONNECTION_FIELDS = /\r\n(?:connection|keep-alive|proxy-connection): [^\r]*/gi;
const IDLE = new Map<string, Upstream[]>();
const STORED = new Map<string, Buffer>();
const FREE_BUFFERS: Buffer[] = [];
const BUFFER_BYTES = 256 * 1024;
