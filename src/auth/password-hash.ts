// Owns the hashes that a password file may hold: bcrypt (`$2a$`, `$2b$`, `$2y$`), SHA-crypt (`$5$`, `$6$`) and scrypt as a PHC string:
// `$scrypt$ln=15,r=8,p=1$SALT$HASH`, the cost being 2 to the power of `ln`, salt and hash in base64 without padding.
// Refuses what guesses too fast (Apache's MD5, SHA-1, crypt, plain text), and costs with which a single line could stall the proxy.
import type { ShaCryptParameters } from './sha-crypt.ts';

export type PasswordHash =
  | { readonly kind: 'bcrypt'; readonly text: string }
  | { readonly kind: 'sha-crypt'; readonly parameters: ShaCryptParameters; readonly encoded: string }
  | { readonly kind: 'scrypt'; readonly cost: number; readonly r: number; readonly p: number; readonly salt: Buffer; readonly key: Buffer };

/** @returns the hash, or what is wrong with it, without repeating any of it @throws never */
export function parsePasswordHash(text: string): PasswordHash | { readonly problem: string } {
  const [, id = ''] = /^\$([a-z0-9]+)\$/.exec(text) ?? [];
  const parse = PARSERS[id];
  if (parse !== undefined) return parse(text) ?? { problem: `a ${NAMES[id]} hash that is not well formed` };
  return { problem: WEAK.find(([pattern]) => pattern.test(text))?.[1] ?? 'in a form that is not known here, or in plain text' };
}

type Parsed = PasswordHash | { readonly problem: string } | null;

function parseBcrypt(text: string): Parsed {
  const [, digits] = /^\$2[aby]\$(\d\d)\$[./A-Za-z0-9]{53}$/.exec(text) ?? [];
  if (digits === undefined) return null;
  const cost = Number(digits);
  return cost < 4 || cost > MAX_BCRYPT_COST ? tooCostly(`a bcrypt cost from 4 to ${MAX_BCRYPT_COST}`) : { kind: 'bcrypt', text };
}

function parseShaCrypt(text: string): Parsed {
  const [, id, digits, salt, encoded] = /^\$([56])\$(?:rounds=(\d{1,9})\$)?([./A-Za-z0-9]{0,16})\$([./A-Za-z0-9]+)$/.exec(text) ?? [];
  if (salt === undefined || encoded?.length !== (id === '5' ? 43 : 86)) return null;
  const rounds = digits === undefined ? 5_000 : Number(digits);
  if (rounds < 1_000 || rounds > MAX_SHA_CRYPT_ROUNDS) return tooCostly(`from 1000 to ${MAX_SHA_CRYPT_ROUNDS} rounds`);
  return { kind: 'sha-crypt', parameters: { digest: id === '5' ? 'sha256' : 'sha512', rounds, salt }, encoded };
}

function parseScrypt(text: string): Parsed {
  const found = /^\$scrypt\$ln=(\d{1,2}),r=(\d{1,2}),p=(\d{1,2})\$([+/A-Za-z0-9]{11,86})\$([+/A-Za-z0-9]{43,86})$/.exec(text);
  if (found === null) return null;
  const [ln, r, p] = found.slice(1, 4).map(Number) as [number, number, number];
  const cost = 2 ** ln;
  if (ln < 10 || r < 1 || p < 1 || scryptBytes(cost, r) > MAX_SCRYPT_BYTES || p * cost * r > MAX_SCRYPT_WORK)
    return tooCostly('ln=10 or more, at most 128 MiB (2^ln × r × 128), and p=4 at most then');
  return { kind: 'scrypt', cost, r, p, salt: Buffer.from(found[4]!, 'base64'), key: Buffer.from(found[5]!, 'base64') };
}

/** Octets that scrypt works in (RFC 7914 §2). */
export function scryptBytes(cost: number, r: number): number {
  return 128 * cost * r;
}

function tooCostly(expected: string): { readonly problem: string } {
  return { problem: `a hash of the wrong cost: expected ${expected}` };
}

const PARSERS: Readonly<Record<string, (text: string) => Parsed>> = {
  '2a': parseBcrypt,
  '2b': parseBcrypt,
  '2y': parseBcrypt,
  '5': parseShaCrypt,
  '6': parseShaCrypt,
  scrypt: parseScrypt,
};
const NAMES: Readonly<Record<string, string>> = {
  '2a': 'bcrypt',
  '2b': 'bcrypt',
  '2y': 'bcrypt',
  '5': 'SHA-crypt',
  '6': 'SHA-crypt',
  scrypt: 'scrypt',
};
const WEAK: readonly (readonly [RegExp, string])[] = [
  [/^\$(?:apr1|1)\$/, 'an MD5 hash, which is guessed too fast'],
  [/^\{SHA\}/, 'a SHA-1 hash, which is guessed too fast'],
  [/^[./A-Za-z0-9]{13}$/, 'a crypt hash, which is guessed too fast'],
];
// Each is about three seconds of one core.
const MAX_BCRYPT_COST = 15;
const MAX_SHA_CRYPT_ROUNDS = 1_000_000;
const MAX_SCRYPT_BYTES = 128 * 1024 * 1024;
const MAX_SCRYPT_WORK = 4 * 2 ** 17 * 8;
