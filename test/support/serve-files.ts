// A folder on the web, as package mirrors and download sites are: GET and HEAD, one byte range, If-Modified-Since (RFC 9110 §13, §14).
import { createReadStream, statSync } from 'node:fs';
import type { RequestListener, ServerResponse } from 'node:http';
import path from 'node:path';

export function serveFiles(folder: string): RequestListener {
  return (request, response) => {
    const { pathname } = new URL(request.url ?? '/', 'http://origin.invalid');
    const file = path.join(folder, decodeURIComponent(pathname));
    const found = statSync(file, { throwIfNoEntry: false });
    if (!found?.isFile()) {
      response.writeHead(404, { 'Content-Type': 'text/plain' }).end('no such file\n');
      return;
    }
    response.setHeader('Content-Type', file.endsWith('.html') ? 'text/html' : 'application/octet-stream');
    response.setHeader('Last-Modified', found.mtime.toUTCString());
    response.setHeader('Accept-Ranges', 'bytes');
    if (Date.parse(request.headers['if-modified-since'] ?? '') >= Math.trunc(found.mtimeMs / 1000) * 1000) response.writeHead(304).end();
    else sendPart(file, found.size, request.headers.range, request.method === 'HEAD', response);
  };
}

function sendPart(file: string, size: number, range: string | undefined, isHead: boolean, response: ServerResponse): void {
  const [, from, to] = /^bytes=(\d+)-(\d*)$/.exec(range ?? '') ?? [];
  const start = Number(from ?? 0);
  const end = to ? Math.min(Number(to), size - 1) : size - 1;
  if (from !== undefined && start >= size) {
    response.writeHead(416, { 'Content-Range': `bytes */${size}` }).end();
    return;
  }
  response.setHeader('Content-Length', end - start + 1);
  if (from === undefined) response.writeHead(200);
  else response.writeHead(206, { 'Content-Range': `bytes ${start}-${end}/${size}` });
  if (isHead || size === 0) response.end();
  else createReadStream(file, { start, end }).pipe(response);
}
