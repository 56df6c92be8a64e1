import { mixed } from '../../../../src/cache/key-hash.ts';

/** The hash of a key, the same in every run. */
export function steadyHash(key: string): number {
  let hash = 1;
  for (let i = 0; i < key.length; i += 1) hash = Math.imul(hash ^ key.charCodeAt(i), 0x01000193);
  return mixed(hash);
}
