// The load on opened tunnels, a process of its own: opens them through a proxy, asks in them and prints what came of it, a line of JSON.
// `node tls-load.ts MODE PROXY_PORT HOST ORIGIN_PORT CA_FILE LANES SECONDS [FIRST END]`; a HOST with a `*` stands for as many hosts as there are
// numbers from FIRST to before END, each asked once.
import { readFileSync } from 'node:fs';
import { type ClientHttp2Session, connect } from 'node:http2';
import { createSecureContext, type TLSSocket } from 'node:tls';
import { parseArgs } from 'node:util';
import { Load, MOST_ERRORS } from './load.ts';
import { CONTENT_OCTETS } from './origin.ts';
import { openSecured, type SecuredTarget } from './tls-client.ts';

export type TlsMode = keyof typeof MODES;
type RunMode = (load: Load, target: SecuredTarget, lanes: number, hosts: Iterator<string>) => void;

/** Open, one exchange, close: one connection after the other, so many at a time. */
const handshakes: RunMode = (load, target, lanes, hosts) =>
  inLanes(load, lanes, hosts, (host, done) => exchangeOnce(load, { ...target, host }, done));

/** The same, resuming the newest session. It may serve more than once: servers on Node give no new one to whoever resumes. */
const resumptions: RunMode = (load, target, lanes, hosts) => {
  let session: Buffer | null = null;
  inLanes(load, lanes, hosts, (host, done) => {
    exchangeOnce(load, { ...target, host, session }, done, (given) => {
      session = given;
    });
  });
};

/** Open and close. */
const greetings: RunMode = (load, target, lanes, hosts) => {
  inLanes(load, lanes, hosts, (host, done) => {
    openSecured(
      { ...target, host },
      {
        opened(socket) {
          count(load, socket);
          load.operations += 1;
          socket.end();
          done();
        },
        failed(reason) {
          load.fail(reason);
          done();
        },
      },
    );
  });
};

/** One request after the other on each of so many connections. */
const keepAlive: RunMode = (load, target, lanes) => {
  for (let lane = 0; lane < lanes; lane += 1) {
    openSecured(target, {
      opened(socket) {
        count(load, socket);
        load.finishInTime();
        const request = requestOf(target);
        readAnswers(socket, () => {
          load.operations += 1;
          socket.write(request);
        });
        socket.write(request);
      },
      failed: (reason) => failOneOf(lanes, load, reason),
    });
  }
};

/** So many streams at a time in each of a few sessions; each ends and makes room for the next. */
const http2: RunMode = (load, target, sessions) => {
  for (let index = 0; index < sessions; index += 1) {
    openSecured(
      { ...target, protocol: 'h2' },
      {
        opened(socket) {
          count(load, socket);
          load.finishInTime();
          const session = connect(`https://${target.host}:${target.port}`, { createConnection: () => socket });
          session.on('error', (error) => load.fail(error.message));
          for (let stream = 0; stream < STREAMS; stream += 1) askOn(session, load);
        },
        failed: (reason) => failOneOf(sessions, load, reason),
      },
    );
  }
};

function askOn(session: ClientHttp2Session, load: Load): void {
  const stream = session.request({ ':path': '/only-h2' });
  let octets = 0;
  let status: number | undefined;
  stream.on('response', (fields) => {
    status = fields[':status'];
  });
  stream.on('data', (bytes: Buffer) => {
    octets += bytes.length;
  });
  stream.on('error', (error) => load.fail(error.message));
  stream.on('close', () => {
    if (status === 200 && octets === CONTENT_OCTETS['1k']) load.operations += 1;
    else load.fail(`answered ${status} with ${octets} octets`);
    if (!session.destroyed && load.errors < MOST_ERRORS) askOn(session, load);
  });
}

function exchangeOnce(load: Load, target: SecuredTarget, done: () => void, keep?: (session: Buffer) => void): void {
  openSecured(target, {
    ...(keep === undefined ? {} : { session: keep }),
    opened(socket) {
      count(load, socket);
      readAnswers(socket, () => {
        load.operations += 1;
        socket.end();
        done();
      });
      socket.write(requestOf(target));
    },
    failed(reason) {
      load.fail(reason);
      done();
    },
  });
}

/** Until the time is over or no host is left. */
function inLanes(load: Load, lanes: number, hosts: Iterator<string>, one: (host: string, done: () => void) => void): void {
  load.start();
  let live = lanes;
  const next = () => {
    const host = load.isOver() || load.errors >= MOST_ERRORS ? undefined : hosts.next().value;
    if (host !== undefined) return one(host, next);
    live -= 1;
    if (live === 0) load.finish();
  };
  for (let lane = 0; lane < lanes; lane += 1) next();
}

/** @param onAnswer  for each that is 200 with all of its content; another one breaks the connection */
function readAnswers(socket: TLSSocket, onAnswer: () => void): void {
  let unread: Buffer | null = null;
  socket.on('data', (chunk: Buffer) => {
    const bytes: Buffer = unread === null ? chunk : Buffer.concat([unread, chunk]);
    const end = bytes.indexOf(HEAD_END);
    const isGood = end < 0 || bytes.toString('latin1', 0, OK.length) === OK;
    const missing = end + HEAD_END.length + CONTENT_OCTETS['1k'] - bytes.length;
    if (!isGood || missing < 0) {
      socket.destroy(new Error(bytes.toString('latin1', 0, bytes.indexOf('\r\n'))));
      return;
    }
    unread = end >= 0 && missing === 0 ? null : bytes;
    if (unread === null) onAnswer();
  });
}

function count(load: Load, socket: TLSSocket): void {
  if (socket.isSessionReused()) load.resumed += 1;
  else load.handshakes += 1;
}

/** When all have failed there is nothing to wait for. */
function failOneOf(connections: number, load: Load, reason: string): void {
  load.fail(reason);
  if (load.errors === connections) load.finish();
}

function requestOf({ host, port }: SecuredTarget): string {
  return `GET /1k HTTP/1.1\r\nHost: ${host}:${port}\r\n\r\n`;
}

function* hostsOf(pattern: string, first: number, end: number): Generator<string, undefined> {
  if (!pattern.includes('*')) for (;;) yield pattern;
  for (let number = first; number < end; number += 1) yield pattern.replace('*', String(number));
}

/** One that every peer knows: those on OpenSSL 3.0 would leave the hybrid with ML-KEM out, and so do less for the same handshake. */
const KEY_EXCHANGE = 'X25519';
const OK = 'HTTP/1.1 200 ';
const HEAD_END = '\r\n\r\n';
const STREAMS = 16;
const MODES = { handshakes, resumptions, greetings, 'keep-alive': keepAlive, http2 } as const;

if (import.meta.main) {
  const [mode, proxyPort, host, port, caFile, lanes, seconds, first, end] = parseArgs({ allowPositionals: true }).positionals;
  const secureContext = createSecureContext({ ca: readFileSync(caFile!), minVersion: 'TLSv1.3', ecdhCurve: KEY_EXCHANGE });
  const target = {
    proxyPort: Number(proxyPort),
    host: host!,
    port: Number(port),
    secureContext,
    protocol: 'http/1.1',
    session: null,
  } as const;
  MODES[mode as TlsMode](new Load(Number(seconds)), target, Number(lanes), hostsOf(host!, Number(first), Number(end)));
}
