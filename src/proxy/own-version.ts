// Owns the version of the program: package.json says it, in the same place from src/proxy/ and from dist/proxy/.
import { readFileSync } from 'node:fs';

/** `0.1.0` */
export function ownVersion(): string {
  const manifest: unknown = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8'));
  return String((manifest as { readonly version: unknown }).version);
}
