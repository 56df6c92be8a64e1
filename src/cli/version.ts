// Owns the version: package.json says it, in the same place from src/cli/ and from dist/cli/.
import { readFileSync } from 'node:fs';

/** `0.1.0` */
export function version(): string {
  const manifest: unknown = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8'));
  return String((manifest as { readonly version: unknown }).version);
}

/** `sallyport 0.1.0 (node 26.10.0, linux x64)` */
export function versionLine(): string {
  return `sallyport ${version()} (node ${process.versions.node}, ${process.platform} ${process.arch})`;
}
