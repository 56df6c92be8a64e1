// The package http-mitm-proxy and our adapter of the same API, side by side: one scenario is run against each, and what client, origin and handlers saw is
// compared. Fields that carry the time or belong to a connection are left out; tests about those look at them themselves.
import { mkdtempSync, readFileSync } from 'node:fs';
import http from 'node:http';
import https from 'node:https';
import type { AddressInfo } from 'node:net';
import path from 'node:path';
import { type ConnectionOptions, connect as connectTls, type TLSSocket } from 'node:tls';
import { Proxy as PackageProxy } from 'http-mitm-proxy';
import { Proxy as AdapterProxy, type ListenOptions } from '../../src/adapters/http-mitm-proxy.ts';
import type { TemporaryCa } from './temp-ca.ts';

export type Side = 'package' | 'adapter';

/** What a response came to. */
export interface Seen {
  readonly status: number;
  readonly reason: string;
  readonly headers: http.IncomingHttpHeaders;
  readonly body: string;
}

export interface Sent {
  readonly method?: string;
  readonly headers?: http.OutgoingHttpHeaders;
  /** Several are sent in chunks. */
  readonly body?: string | readonly string[];
  readonly agent?: http.Agent;
}

/** A request as the origin saw it. */
export interface OriginSaw {
  readonly method: string;
  readonly url: string;
  readonly headers: http.IncomingHttpHeaders;
  readonly body: string;
}

export interface MitmOrigin {
  readonly port: number;
  readonly url: string;
  readonly saw: OriginSaw[];
  readonly server: http.Server;
  close(): void;
}

export interface Scene {
  readonly side: Side;
  /** The adapter is typed as itself: both have its API. */
  readonly proxy: AdapterProxy;
  readonly port: number;
  readonly folder: string;
  /** PEM of the CA, where the package writes it. */
  readonly authority: string;
  /** What handlers have noted. */
  readonly notes: unknown[];
  fetch(url: string, sent?: Sent): Promise<Seen>;
  /** CONNECT, and TLS with whoever answers. */
  openTls(authority: string, options?: ConnectionOptions): Promise<TLSSocket>;
}

export interface Comparison<T> {
  readonly theirs: T;
  readonly ours: T;
}

export interface Setting {
  readonly ca: TemporaryCa;
  readonly folder: string;
  readonly options?: ListenOptions;
}

/** Runs a scenario against both. */
export async function compare<T>(setting: Setting, scenario: (scene: Scene) => Promise<T>): Promise<Comparison<T>> {
  return { theirs: await play('package', setting, scenario), ours: await play('adapter', setting, scenario) };
}

export async function play<T>(side: Side, { ca, folder, options = {} }: Setting, scenario: (scene: Scene) => Promise<T>): Promise<T> {
  const sslCaDir = options.sslCaDir ?? path.join(mkdtempSync(path.join(folder, `${side}-`)), 'ca');
  const trust = side === 'package' ? { httpsAgent: new https.Agent({ ca: ca.cert }) } : { roots: ca.certFile };
  const proxy = side === 'package' ? (new PackageProxy() as unknown as AdapterProxy) : new AdapterProxy();
  await new Promise<void>((resolve, reject) => {
    proxy.listen({ host: '127.0.0.1', port: 0, sslCaDir, ...trust, ...options }, (error) => (error ? reject(error) : resolve()));
  });
  const scene: Scene = {
    side,
    proxy,
    port: proxy.httpPort,
    folder: sslCaDir,
    get authority() {
      return readFileSync(path.join(sslCaDir, 'certs', 'ca.pem'), 'utf8');
    },
    notes: [],
    fetch: (url, sent = {}) => fetchThrough(scene, url, sent),
    openTls: (authority, tls = {}) => openTls(scene, authority, tls),
  };
  try {
    return await scenario(scene);
  } finally {
    proxy.close();
  }
}

async function fetchThrough(scene: Scene, url: string, { method = 'GET', headers = {}, body, agent }: Sent): Promise<Seen> {
  const { protocol, host, hostname, port, pathname, search } = new URL(url);
  const own = { method, headers: { host, ...headers } };
  const request =
    protocol === 'http:'
      ? http.request({ ...own, agent: agent ?? false, host: '127.0.0.1', port: scene.port, path: url })
      : await (async () => {
          const socket = await scene.openTls(`${hostname}:${port}`);
          return http.request({ ...own, path: pathname + search, createConnection: () => socket });
        })();
  return new Promise((resolve, reject) => {
    request.on('error', reject);
    request.on('response', (response) => {
      let text = '';
      response.setEncoding('latin1');
      response.on('data', (chunk) => (text += chunk));
      response.on('error', reject);
      response.on('end', () => {
        if (agent === undefined) request.destroy();
        resolve({ status: response.statusCode!, reason: response.statusMessage!, headers: plain(response.headers), body: text });
      });
    });
    if (typeof body === 'object') for (const chunk of body) request.write(chunk);
    request.end(typeof body === 'object' ? undefined : body);
  });
}

function openTls({ port, authority }: Scene, target: string, options: ConnectionOptions): Promise<TLSSocket> {
  return new Promise((resolve, reject) => {
    const connect = http.request({ host: '127.0.0.1', port, method: 'CONNECT', path: target, headers: { host: target, 'x-from': 'test' } });
    connect.on('error', reject);
    connect.on('connect', (response, socket) => {
      if (response.statusCode !== 200) return reject(new Error(`CONNECT was answered ${response.statusCode}`));
      const servername = target.slice(0, target.lastIndexOf(':'));
      const secure = connectTls({ socket, servername, ca: authority, ...options }, () => resolve(secure));
      secure.on('error', reject);
    });
    connect.end();
  });
}

/** Answers with what it was asked, unless told otherwise. */
export async function startMitmOrigin(
  answer: (request: http.IncomingMessage, response: http.ServerResponse, body: string) => void = (_request, response) =>
    response.end('hello'),
  tls: { readonly key: string; readonly cert: string } | null = null,
): Promise<MitmOrigin> {
  const saw: OriginSaw[] = [];
  const listener: http.RequestListener = (request, response) => {
    let body = '';
    request.setEncoding('latin1');
    request.on('data', (chunk) => (body += chunk));
    request.on('end', () => {
      saw.push({ method: request.method!, url: request.url!, headers: plain(request.headers), body });
      answer(request, response, body);
    });
  };
  const server = tls === null ? http.createServer(listener) : https.createServer(tls, listener);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const url = tls === null ? `http://127.0.0.1:${port}` : `https://localhost:${port}`;
  const close = (): void => {
    server.closeAllConnections();
    server.close();
  };
  return { port, url, saw, server, close };
}

/** What has been seen since the last time. */
export function taken<T>(list: T[]): T[] {
  return list.splice(0);
}

/** Without what tells the time or is about one connection, and without Via, which the package leaves out (RFC 9110 §7.6.3). */
function plain(headers: http.IncomingHttpHeaders): http.IncomingHttpHeaders {
  return Object.fromEntries(Object.entries(headers).filter(([name]) => !LEFT_OUT.has(name)));
}

const LEFT_OUT: ReadonlySet<string> = new Set(['connection', 'date', 'keep-alive', 'via']);
