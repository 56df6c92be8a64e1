// Owns the company's policy, `policies/corporate.yaml`, as the benchmarks run it: with the one user that their requests come from, whose password is checked.
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { hashSync } from 'bcryptjs';

/** What every request carries. */
export const CREDENTIALS: { readonly name: string; readonly value: string } = {
  name: 'Proxy-Authorization',
  value: `Basic ${Buffer.from('ada:secret').toString('base64')}`,
};

/** Writes the password file that `CORPORATE_AUTH` names, into the folder of the configuration. */
export function writeUsers(folder: string): void {
  writeFileSync(path.join(folder, 'users'), `ada:${hashSync('secret', HASH_ROUNDS)}\n`);
}

/** The rest of the configuration. */
export const CORPORATE_AUTH = 'auth: { htpasswd: users, require: by-policy }\n';

export const CORPORATE_POLICY: string = path.join(import.meta.dirname, '../../policies/corporate.yaml');

/** What is checked is remembered, so this is paid once. */
const HASH_ROUNDS = 6;
