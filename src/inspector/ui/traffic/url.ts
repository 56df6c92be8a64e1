// Owns how the target of an exchange is written for people, and what its response is, in a word.
import type { Summary } from '../../../flows/recorded.ts';
import { readable } from '../words.ts';

/** `shop.example`, with the port where it is not the usual one. */
export function hostText({ scheme, host, port }: Summary): string {
  const isUsual = port === 0 || port === (scheme === 'http' ? 80 : 443);
  return isUsual ? host : `${host}:${port}`;
}

export function urlText(row: Summary): string {
  if (row.scheme === 'tunnel') return `${row.host}:${row.port}`;
  return `${row.scheme}://${hostText(row)}${readable(row.path)}`;
}

/** `json`, `html`, `png`: the subtype without its frills. */
export function typeText(contentType: string | null): string {
  if (contentType === null) return '';
  const [type = '', subtype = ''] = contentType.split(';')[0]!.trim().toLowerCase().split('/');
  const plain = subtype.replace(/^(?:x-|vnd\.)/, '').replace(/^.*\+/, '');
  if (plain === 'octet-stream') return 'binary';
  return plain === 'plain' || plain === '' ? type : plain;
}
