// Owns what a rule does, in a few words each, for lists of them.
import { formatAuthority } from '../http/authority.ts';
import { DEFAULT_PORTS } from '../http/target.ts';
import type { Ending, RewriteRule } from './rule.ts';

export function ruleWords<Subject>({ request, response, ending, delayMs, throttle }: RewriteRule<Subject>): readonly string[] {
  const words: string[] = [];
  if (ending !== null) words.push(endingWords(ending));
  if (request?.remote) {
    const { scheme, authority, basePath } = request.remote;
    words.push(`map_remote ${scheme}://${formatAuthority(authority, DEFAULT_PORTS[scheme])}${basePath}`);
  }
  if ((request?.urls.length ?? 0) > 0) words.push('rewrite_url');
  const set = [...(request?.set ?? []), ...(response?.set ?? [])].map(({ name }) => name);
  if (set.length > 0) words.push(`set ${set.join(', ')}`);
  const removed = [...(request?.remove ?? []), ...(response?.remove ?? [])];
  if (removed.length > 0) words.push(`remove ${removed.join(', ')}`);
  if (response !== null && response.status !== null) words.push(`status ${response.status}`);
  if ((request?.content.length ?? 0) + (response?.content.length ?? 0) > 0) words.push('replace');
  if (response?.isBrokenOff) words.push('fail truncate');
  if (delayMs > 0) words.push(`delay ${delayMs} ms`);
  if (throttle !== null) words.push('throttle');
  return words;
}

function endingWords(ending: Ending): string {
  switch (ending.kind) {
    case 'answer':
      return `answer ${ending.status}`;
    case 'local':
      return `map_local ${ending.path}`;
    case 'fail':
      return `fail ${ending.how}`;
    default:
      return ending satisfies never;
  }
}
