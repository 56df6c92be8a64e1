// Owns the way of a policy from the disk: a file → the compiled policy, or its problems. A file that cannot be read is a problem like any other.
import { open } from 'node:fs/promises';
import { type CompiledPolicy, compilePolicy } from './compile.ts';
import { parsePolicy } from './parse.ts';
import type { PolicyProblem } from './yaml-source.ts';

export type LoadedPolicy = { readonly compiled: CompiledPolicy } | { readonly problems: readonly PolicyProblem[] };

/** @throws never, but for defects; what an operator can put right is among the problems */
export async function loadPolicy(file: string): Promise<LoadedPolicy> {
  const text = await readPolicyText(file);
  if (typeof text !== 'string') return { problems: [{ file, line: 0, column: 0, message: text.problem }] };
  const parsed = parsePolicy(text, file);
  return 'policy' in parsed ? { compiled: compilePolicy(parsed.policy) } : parsed;
}

async function readPolicyText(file: string): Promise<string | { readonly problem: string }> {
  let bytes: Buffer | null;
  try {
    bytes = await readAtMost(file, MAX_BYTES);
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : String(error);
    return { problem: READ_PROBLEMS[code] ?? `the policy file cannot be read (${code})` };
  }
  if (bytes === null) return { problem: 'the policy file is larger than 16 MiB; put long lists elsewhere' };
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    return { problem: 'the policy file is not UTF-8 text; save it in that encoding' };
  }
}

/** @returns `null` when there is more; the size is counted and not believed, since a file may be a pipe or still growing */
async function readAtMost(file: string, maxBytes: number): Promise<Buffer | null> {
  const handle = await open(file, 'r');
  try {
    const chunks: Buffer[] = [];
    let total = 0;
    for await (const chunk of handle.createReadStream({ autoClose: false }) as AsyncIterable<Buffer>) {
      total += chunk.length;
      if (total > maxBytes) return null;
      chunks.push(chunk);
    }
    return Buffer.concat(chunks);
  } finally {
    await handle.close();
  }
}

const MAX_BYTES = 16 * 1024 * 1024;

const READ_PROBLEMS: Readonly<Record<string, string>> = {
  ENOENT: 'there is no such policy file; check the path',
  ENOTDIR: 'there is no such policy file; check the path',
  EACCES: 'this user may not read the policy file; check its permissions',
  EPERM: 'this user may not read the policy file; check its permissions',
  EISDIR: 'this is a folder; name the policy file in it',
};
