// Owns how the target of an exchange is written for people, and what its response is, in a word.
import type { Summary } from '../../../flows/recorded.ts';
import { readable } from '../words.ts';

/** `shop.example`, with the port where it is not the usual one. */
export function hostText({ scheme, host, port }: Summary): string {
  const isUsual = port === 0 || port === (scheme === 'http' ? 80 : 443);
  return isUsual ? host : `${host}:${port}`;
}

/** Whether it was read so far that there is a URL: without one nothing can be sent again, nor a rule be made of it. */
export function isUnderstood({ scheme }: Summary): boolean {
  return scheme !== '';
}

/** The path with its query; words in the place of one that there is not. */
export function pathText(row: Summary): string {
  if (!isUnderstood(row)) return withoutUrl(row);
  return row.kind === 'tunnel' ? `tunnel to port ${row.port}` : readable(row.path);
}

export function urlText(row: Summary): string {
  if (!isUnderstood(row)) return withoutUrl(row);
  if (row.scheme === 'tunnel') return `${row.host}:${row.port}`;
  return `${row.scheme}://${hostText(row)}${readable(row.path)}`;
}

function withoutUrl({ outcome }: Summary): string {
  return outcome === 'answered' ? '(the proxy itself)' : '(not understood)';
}

/** `json`, `html`, `png`: the subtype without its frills. */
export function typeText(contentType: string | null): string {
  if (contentType === null) return '';
  const [type = '', subtype = ''] = contentType.split(';')[0]!.trim().toLowerCase().split('/');
  const plain = subtype.replace(/^(?:x-|vnd\.)/, '').replace(/^.*\+/, '');
  if (plain === 'octet-stream') return 'binary';
  return plain === 'plain' || plain === '' ? type : plain;
}
