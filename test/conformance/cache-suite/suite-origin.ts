// Owns the origin of the public suite: its own handlers, on a free port of 127.0.0.1. (Its own server listens on every interface, and wants its
// port, its address and a pid file from npm's environment.)
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import handleConfig from 'http-cache-tests/server/handle-config.mjs';
import handleState from 'http-cache-tests/server/handle-state.mjs';
import handleTest from 'http-cache-tests/server/handle-test.mjs';

export interface SuiteOrigin {
  /** `http://127.0.0.1:port` */
  readonly url: string;
  close(): void;
}

export async function startSuiteOrigin(): Promise<SuiteOrigin> {
  const server = createServer((request, response) => {
    const [kind = '', ...path] = new URL(request.url ?? '/', 'http://origin.invalid').pathname.slice(1).split('/');
    const handle = HANDLERS[kind];
    if (handle) handle(path, request, response);
    else response.writeHead(404).end();
  });
  await new Promise<void>((resolve) => server.listen({ host: '127.0.0.1', port: 0 }, resolve));
  const { port } = server.address() as AddressInfo;
  const close = (): void => {
    server.close();
    server.closeAllConnections();
  };
  return { url: `http://127.0.0.1:${port}`, close };
}

/** What a test is about to do, the test itself, and what the origin saw of it. */
const HANDLERS: Readonly<Record<string, typeof handleTest>> = { config: handleConfig, test: handleTest, state: handleState };
