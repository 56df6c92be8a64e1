// Lists out of text, without a file or a thread.
import { compileList, openList } from '../../../../src/policy/lists/compile-list.ts';
import type { List, ListFormat, ListSpec } from '../../../../src/policy/lists/list.ts';

export function specOf(format: ListFormat, options: Partial<ListSpec> = {}): ListSpec {
  const position = { file: 'policy.yaml', line: 1, column: 1 };
  return { name: 'test', file: '/lists/test', format, subdomains: false, mayBeEmpty: false, position, ...options };
}

/** @throws Error with the problem's message */
export function openText<F extends ListFormat>(format: F, text: string | Uint8Array, subdomains = false): ListOf<F> {
  const spec = specOf(format, { subdomains });
  const compiled = compileList(new Uint8Array(Buffer.from(text)), spec, [1, 0x9e3779b1]);
  if ('message' in compiled) throw new Error(compiled.message);
  return openList(spec, compiled) as ListOf<F>;
}

type ListOf<F extends ListFormat> = Extract<List, { kind: F extends 'cidr' ? 'addresses' : F extends 'adblock' ? 'requests' : 'domains' }>;
