// Owns what rules do to a response on its way to the client, whether the origin or the cache gave it: its status, its fields, its content. What is stored
// stays as the origin sent it, so that a changed rule takes effect at once.
import { isNamed } from '../http/fields.ts';
import type { Fields } from '../http/message.ts';
import { withFields } from './rewrite-request.ts';
import type { Change, ContentChange, RewriteRule } from './rule.ts';

export interface RewritableResponse {
  readonly status: number;
  readonly reason: string;
  readonly fields: Fields;
}

export interface RewrittenResponse {
  readonly response: RewritableResponse;
  /** Of its content. */
  readonly content: readonly ContentChange[];
  /** The rule that lets it end in the middle. */
  readonly brokenOffBy: string | null;
  readonly changes: readonly Change[];
}

/**
 * @param subjectOf  what a match looks at: the request as its client sent it, with the response as it is by then
 * @param missed  told of a rule that content of the response would decide which no subject has; `null` where that may still come
 * @returns `null` when no rule fits; `awaits content` when they have to be asked again, once there is content
 */
export function rewriteResponse<Subject>(
  rules: readonly RewriteRule<Subject>[],
  response: RewritableResponse,
  subjectOf: (response: RewritableResponse) => Subject,
  missed: ((rule: string) => void) | null,
): RewrittenResponse | 'awaits content' | null {
  const changes: Change[] = [];
  const content: ContentChange[] = [];
  let current = response;
  let brokenOffBy: string | null = null;
  let hasFitted = false;
  let subject: Subject | null = null;
  for (const rule of rules) {
    if (!rule.isOn || rule.response === null) continue;
    subject ??= subjectOf(current);
    if (!rule.fits(subject)) {
      if (!rule.awaits?.(subject, 'response')) continue;
      if (missed === null) return 'awaits content';
      missed(rule.name);
      continue;
    }
    hasFitted = true;
    subject = null;
    const { status, set, remove, isBrokenOff } = rule.response;
    const note = (what: string) => changes.push({ stage: 'response', rule: rule.name, what });
    if (status !== null) {
      note(`made the status ${status}, which was ${current.status}`);
      current = { ...current, status, reason: '' };
    }
    for (const { name } of set) note(`set the field ${name}`);
    for (const name of remove) if (current.fields.some((field) => isNamed(field.name, name))) note(`removed the field ${name}`);
    if (set.length + remove.length > 0) current = { ...current, fields: withFields(current.fields, set, remove) };
    if (isBrokenOff) brokenOffBy = rule.name;
    for (const replacement of rule.response.content) content.push({ rule: rule.name, replacement });
  }
  return hasFitted ? { response: current, content, brokenOffBy, changes } : null;
}
