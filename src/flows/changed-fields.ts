// Owns what became of fields on the way through the proxy: which came as they went, which it added, took away or wrote anew. Fields of one name are
// compared one after the other, since their order means something (RFC 9110 §5.3); between names it does not.
import type { RecordedFields } from './recorded.ts';

export interface ChangedField {
  readonly kind: 'same' | 'added' | 'removed' | 'changed';
  readonly name: string;
  /** As it came; `null` of an added one. */
  readonly before: string | null;
  /** As it went on; `null` of a removed one. */
  readonly after: string | null;
}

/** @param after  `null` when the message did not go on */
export function changedFields(before: RecordedFields, after: RecordedFields | null): readonly ChangedField[] {
  if (after === null) return before.map(([name, value]) => ({ kind: 'same', name, before: value, after: value }));
  const left = Map.groupBy(after, ([name]) => name.toLowerCase());
  const kept = before.map(([name, value]): ChangedField => {
    const next = left.get(name.toLowerCase())?.shift();
    if (next === undefined) return { kind: 'removed', name, before: value, after: null };
    return { kind: next[1] === value ? 'same' : 'changed', name, before: value, after: next[1] };
  });
  const added = [...left.values()].flat().map(([name, value]): ChangedField => ({ kind: 'added', name, before: null, after: value }));
  return [...kept, ...added];
}

/** HTTP/2 has fields in the place of the first line and of Host (RFC 9113 §8.3.1): they say nothing that is new, but for another authority. */
export function asAfterHttp1(before: RecordedFields, sent: RecordedFields): RecordedFields {
  const hadHost = before.some(([name]) => name.toLowerCase() === 'host');
  return sent.flatMap(([name, value]) => {
    if (name === ':authority' && hadHost) return [['Host', value] as const];
    return name.startsWith(':') ? [] : [[name, value] as const];
  });
}
