// The load on tunnels, a process of its own: opens tunnels through a proxy, works them and prints what came of it, a line of JSON.
// `node tunnel-load.ts MODE PROXY_PORT ORIGIN_PORT TUNNELS SECONDS`; `hold` says when all are open and keeps them until it is ended. So does `keep`,
// with connections that have no tunnel, each after one exchange.
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { openTunnel, type TunnelTarget } from './client-tunnel.ts';
import { Load, MOST_ERRORS } from './load.ts';
import { LARGE_BYTES } from './origin.ts';

export type TunnelMode = keyof typeof MODES;
type RunMode = (load: Load, target: TunnelTarget, tunnels: number) => void;

/** Open, one exchange, close: one tunnel after the other, so many at a time. */
const connectTunnels: RunMode = (load, target, lanes) => {
  load.start();
  let live = lanes;
  const next = () => {
    if (!load.isOver() && load.errors < MOST_ERRORS) return one();
    live -= 1;
    if (live === 0) load.finish();
  };
  const one = () => {
    const socket = openTunnel(target, {
      opened: () => ask(socket, '/tiny', target),
      received() {
        if (socket.destroyed) return;
        socket.destroy();
        load.operations += 1;
        next();
      },
      failed(reason) {
        load.fail(reason);
        next();
      },
    });
  };
  for (let lane = 0; lane < lanes; lane += 1) one();
};

const download: RunMode = (load, target, tunnels) => {
  for (let tunnel = 0; tunnel < tunnels; tunnel += 1) {
    let left = 0;
    const askMore = () => {
      left += LARGE_BYTES;
      ask(socket, '/large', target);
    };
    const socket = openTunnel(target, {
      opened() {
        load.finishInTime();
        askMore();
      },
      received(count) {
        load.operations += count;
        left -= count;
        // Early enough that the tunnel never runs dry.
        if (left < LARGE_BYTES / 2) askMore();
      },
      failed: (reason) => failOneOf(tunnels, load, reason),
    });
  }
};

/** The far end is here too, on a port of its own: what arrives there is counted, not what was sent. */
const upload: RunMode = (load, target, tunnels) => {
  const sink = createServer((socket) => {
    socket.on('error', (error) => load.fail(error.message));
    socket.on('data', (bytes) => {
      load.operations += bytes.length;
    });
  });
  const start = (originPort: number) => {
    const socket = openTunnel(
      { ...target, originPort },
      {
        opened() {
          load.finishInTime();
          const send = () => void socket.write(UPLOAD_CHUNK, send);
          // While one is on its way the next waits in line.
          send();
          send();
        },
        received: () => load.fail('the far end sends nothing, yet something came back'),
        failed: (reason) => failOneOf(tunnels, load, reason),
      },
    );
  };
  sink.listen({ port: 0, host: '127.0.0.1', backlog: tunnels }, () => {
    const { port } = sink.address() as AddressInfo;
    for (let tunnel = 0; tunnel < tunnels; tunnel += 1) start(port);
  });
};

const hold: RunMode = openAndStay((target, opened, failed) => {
  openTunnel(target, { opened, received() {}, failed });
});

const keep: RunMode = openAndStay(({ proxyPort, originPort }, answered, failed) => {
  const origin = `127.0.0.1:${originPort}`;
  const socket = connect({ port: proxyPort, host: '127.0.0.1' }, () => {
    socket.write(`GET http://${origin}/tiny HTTP/1.1\r\nHost: ${origin}\r\n\r\n`);
  });
  socket.once('data', answered);
  socket.on('error', ({ message }) => failed(message));
});

type Open = (target: TunnelTarget, opened: () => void, failed: (reason: string) => void) => void;

/** A few at a time, until as many are open as were wanted. */
function openAndStay(open: Open): RunMode {
  return (load, target, connections) => {
    load.start();
    let asked = 0;
    const next = () => {
      if (load.operations + load.errors === connections) load.report();
      else if (asked < connections) one();
    };
    const one = () => {
      asked += 1;
      const opened = () => {
        load.operations += 1;
        next();
      };
      open(target, opened, (reason) => {
        load.fail(reason);
        next();
      });
    };
    for (let lane = 0; lane < Math.min(OPENING_AT_ONCE, connections); lane += 1) one();
  };
}

/** When all have failed there is nothing to wait for. */
function failOneOf(tunnels: number, load: Load, reason: string): void {
  load.fail(reason);
  if (load.errors === tunnels) load.finish();
}

function ask(socket: Socket, path: string, { originPort }: TunnelTarget): void {
  socket.write(`GET ${path} HTTP/1.1\r\nHost: 127.0.0.1:${originPort}\r\n\r\n`);
}

const UPLOAD_CHUNK = Buffer.alloc(256 * 1024, 'x');
const OPENING_AT_ONCE = 16;
const MODES = { connect: connectTunnels, download, upload, hold, keep } as const;

if (import.meta.main) {
  const [mode, proxyPort, originPort, tunnels, seconds] = process.argv.slice(2);
  const target = { proxyPort: Number(proxyPort), originPort: Number(originPort) };
  MODES[mode as TunnelMode](new Load(Number(seconds)), target, Number(tunnels));
}
