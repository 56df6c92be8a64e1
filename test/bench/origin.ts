// Owns the origin: nginx with one worker, serving what the workloads ask for, and how many requests reached it.
import { mkdirSync, truncateSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { askText } from './ask.ts';
import { BenchError } from './bench-error.ts';
import type { Children } from './children.ts';
import type { CoreList } from './machine.ts';
import { freePort, startServer } from './server-process.ts';
import { type TlsFiles, USUAL_HOST } from './tls-files.ts';

/** Where it speaks TLS, and with which certificates. */
export interface TlsOrigin {
  readonly files: TlsFiles;
  /** As `USUAL_HOST`, HTTP/2 too. */
  readonly port: number;
  /** As whoever it is asked for: the certificate is read for each handshake. */
  readonly newHostsPort: number;
}

/** @param parent  an existing folder, in which it makes its own @returns its port, once it listens */
export async function startOrigin(
  children: Children,
  parent: string,
  nginx: string,
  cores: CoreList,
  signal: AbortSignal,
  tls: TlsOrigin | null = null,
): Promise<number> {
  const port = await freePort();
  const folder = path.join(parent, 'origin');
  const content = path.join(folder, 'content');
  mkdirSync(content, { recursive: true });
  for (const [name, octets] of Object.entries(CONTENT_OCTETS)) writeFileSync(path.join(content, name), 'x'.repeat(octets));
  writeFileSync(path.join(content, 'large'), '');
  truncateSync(path.join(content, 'large'), LARGE_BYTES);
  const configuration = path.join(folder, 'nginx.conf');
  writeFileSync(configuration, nginxConfiguration(folder, content, port, tls));
  const args = ['-p', folder, '-c', configuration, '-e', path.join(folder, 'error.log')];
  await startServer(children, { name: 'nginx', program: nginx, args, cores }, port, signal);
  return port;
}

/** @returns how many requests the origin has read since its start, the one that asks for it included */
export async function requestsAtOrigin(port: number): Promise<number> {
  return parseStubStatus(await askText(`http://127.0.0.1:${port}/status`));
}

/** The third number of the third line of nginx's stub_status: requests. @throws BenchError for anything else */
export function parseStubStatus(text: string): number {
  const found = /^server accepts handled requests\n \d+ \d+ (\d+) $/m.exec(text);
  if (found === null)
    throw new BenchError(`nginx does not say how many requests it read: it lacks the module stub_status, or says "${text}"`);
  return Number(found[1]);
}

/** Of the small contents: `/1k` may not be stored; everything below `/stored/1k/` is the same content, fresh for an hour. */
export const CONTENT_OCTETS = { '1k': 1_024, '64k': 65_536 } as const;

/** Octets of `/large`: a hole in a file, so that reading it costs no disk. */
export const LARGE_BYTES: number = 256 * 1024 * 1024;

/** Responses say no-store, so that a cache in front has nothing to keep, but for those below `/stored/`. */
function nginxConfiguration(folder: string, content: string, port: number, tls: TlsOrigin | null): string {
  const stored = Object.keys(CONTENT_OCTETS).map(
    (name) => `location /stored/${name}/ { add_header Cache-Control max-age=3600; try_files /${name} =404; }`,
  );
  const scratch = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map((name) => `${name}_temp_path ${folder}/${name};`);
  return `
${process.getuid?.() === 0 ? 'user root;' : ''}
daemon off; worker_processes 1; pid ${folder}/nginx.pid; error_log ${folder}/error.log crit;
worker_rlimit_nofile 16384;
events { worker_connections 8192; multi_accept on; }
http {
  ${scratch.join(' ')}
  access_log off; server_tokens off; sendfile on; tcp_nopush on; open_file_cache max=16;
  keepalive_requests 1000000000; keepalive_timeout 75s; client_header_timeout 300s;
  default_type application/octet-stream;
  add_header Cache-Control no-store;
  server {
    listen 127.0.0.1:${port} backlog=4096;
    root ${content};
    location = /tiny { return 200 "ok"; }
    location = /status { stub_status; }
    ${stored.join('\n    ')}
  }
  ${tls === null ? '' : tlsServers(content, tls)}
}
`;
}

/** Status 403 for `/only-h2` is one that asked over HTTP/1.1. */
function tlsServers(content: string, { files, port, newHostsPort }: TlsOrigin): string {
  const server = (listen: string, host: string) => `
  server {
    listen 127.0.0.1:${listen} backlog=4096;
    ssl_certificate ${files.originCertificates}/${host}.pem; ssl_certificate_key ${files.originKey};
    root ${content};
    location = /only-h2 { if ($server_protocol != HTTP/2.0) { return 403; } try_files /1k =404; }
  }`;
  return `ssl_protocols TLSv1.2 TLSv1.3;${server(`${port} ssl http2`, USUAL_HOST)}${server(`${newHostsPort} ssl`, '$ssl_server_name')}`;
}
