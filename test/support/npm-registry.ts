// A registry of npm packages, as far as installing asks of one: a document for each name, and the tarballs that `npm pack` has made.
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import type { RequestListener } from 'node:http';

export interface PackedPackage {
  readonly name: string;
  readonly version: string;
  readonly dependencies: Readonly<Record<string, string>>;
  /** The file that `npm pack` wrote. */
  readonly tarball: string;
}

/** Tarballs are named by the address that the document was asked from, so that they come the same way. */
export function serveRegistry(packages: readonly PackedPackage[], scheme: 'http' | 'https'): RequestListener {
  return (request, response) => {
    const { pathname } = new URL(request.url ?? '/', 'http://origin.invalid');
    const [name = '', file] = decodeURIComponent(pathname).slice(1).split('/-/');
    const found = packages.find((each) => each.name === name);
    if (found === undefined) response.writeHead(404, { 'Content-Type': 'application/json' }).end('{"error":"not found"}');
    else if (file !== undefined) response.setHeader('Content-Type', 'application/octet-stream').end(readFileSync(found.tarball));
    else response.setHeader('Content-Type', 'application/json').end(documentOf(found, `${scheme}://${request.headers.host}`));
  };
}

function documentOf({ name, version, dependencies, tarball }: PackedPackage, registry: string): string {
  const integrity = `sha512-${createHash('sha512').update(readFileSync(tarball)).digest('base64')}`;
  const dist = { tarball: `${registry}/${name}/-/${version}.tgz`, integrity };
  return JSON.stringify({ name, 'dist-tags': { latest: version }, versions: { [version]: { name, version, dependencies, dist } } });
}
