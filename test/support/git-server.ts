// A git server over HTTP: git's own `http-backend`, run as a CGI program (RFC 3875) for each request.
import { spawn } from 'node:child_process';
import type { RequestListener } from 'node:http';
import { CLEAN_ENVIRONMENT } from './programs.ts';

/** Serves the repositories below a folder, for reading and for pushing. */
export function serveGit(folder: string): RequestListener {
  return (request, response) => {
    const { pathname, searchParams } = new URL(request.url ?? '/', 'http://origin.invalid');
    const { headers } = request;
    const env: Record<string, string> = {
      ...CLEAN_ENVIRONMENT,
      GIT_PROJECT_ROOT: folder,
      GIT_HTTP_EXPORT_ALL: '1',
      REQUEST_METHOD: request.method ?? '',
      PATH_INFO: pathname,
      QUERY_STRING: searchParams.toString(),
      CONTENT_TYPE: headers['content-type'] ?? '',
      // Without a length the program reads to the end of its input: a request in chunks.
      ...(headers['content-length'] === undefined ? {} : { CONTENT_LENGTH: headers['content-length'] }),
      HTTP_CONTENT_ENCODING: headers['content-encoding'] ?? '',
      GIT_PROTOCOL: String(headers['git-protocol'] ?? ''),
      REMOTE_USER: 'tester',
      REMOTE_ADDR: '127.0.0.1',
    };
    const backend = spawn('git', ['http-backend'], { env });
    backend.stdin.on('error', () => {});
    request.pipe(backend.stdin);
    let head = '';
    const readHead = (bytes: Buffer): void => {
      head += bytes.toString('latin1');
      const end = head.indexOf('\r\n\r\n');
      if (end === -1) return;
      backend.stdout.off('data', readHead);
      const fields = head
        .slice(0, end)
        .split('\r\n')
        .map((line) => line.split(': ', 2) as [string, string]);
      const [, status = '200'] = fields.find(([name]) => name === 'Status') ?? [];
      response.writeHead(Number.parseInt(status, 10), fields.filter(([name]) => name !== 'Status').flat());
      response.write(Buffer.from(head.slice(end + 4), 'latin1'));
      backend.stdout.pipe(response);
    };
    backend.stdout.on('data', readHead);
  };
}
