// Owns the thread that compares passwords with bcrypt and SHA-crypt hashes: one question, then one answer. It knows no users.
// Both comparisons take the same time wherever the first difference is.
import { timingSafeEqual } from 'node:crypto';
import { parentPort } from 'node:worker_threads';
import { compareSync } from 'bcryptjs';
import type { PasswordHash } from './password-hash.ts';
import { shaCrypt } from './sha-crypt.ts';

export interface WorkerQuestion {
  readonly hash: Exclude<PasswordHash, { readonly kind: 'scrypt' }>;
  readonly password: string;
}

parentPort?.on('message', ({ hash, password }: WorkerQuestion) => parentPort?.postMessage(isRight(hash, password)));

function isRight(hash: WorkerQuestion['hash'], password: string): boolean {
  if (hash.kind === 'bcrypt') return compareSync(password, hash.text);
  return timingSafeEqual(Buffer.from(shaCrypt(password, hash.parameters)), Buffer.from(hash.encoded));
}
