// Fields: an ordered list that keeps case and duplicates. Names are matched without regard to case (RFC 9110 §5.1).
import type { Field, Fields } from './message.ts';

/** Whether two field names are the same (RFC 9110 §5.1). `lower` must be lower case. Names are tokens, so only letters of ASCII have a case. */
export function isNamed(name: string, lower: string): boolean {
  const { length } = lower;
  if (name.length !== length) return false;
  // Most names of a length differ in their first letter.
  for (let i = 0; i < length; i += 1) {
    const c = name.charCodeAt(i);
    if (c !== lower.charCodeAt(i) && (c < UPPER_A || c > UPPER_Z || c + TO_LOWER !== lower.charCodeAt(i))) return false;
  }
  return true;
}

/** The first value of a field, or `undefined`. `lower` must be lower case. */
export function fieldValue(fields: Fields, lower: string): string | undefined {
  for (let i = 0; i < fields.length; i += 1) {
    const field = fields[i]!;
    if (isNamed(field.name, lower)) return field.value;
  }
  return undefined;
}

/** Every value of a field, in order. */
export function fieldValues(fields: Fields, lower: string): string[] {
  const values: string[] = [];
  for (const field of fields) if (isNamed(field.name, lower)) values.push(field.value);
  return values;
}

export function hasField(fields: Fields, lower: string): boolean {
  return fieldValue(fields, lower) !== undefined;
}

/**
 * Members of a comma-separated list field over all its lines (RFC 9110 §5.6.1): trimmed, empty members dropped, quoted strings kept whole.
 */
export function listMembers(fields: Fields, lower: string): string[] {
  const members: string[] = [];
  for (const value of fieldValues(fields, lower)) splitList(value, members);
  return members;
}

/** Splits one list value at its commas, appending to `into`. Commas inside a quoted string do not separate. */
export function splitList(value: string, into: string[] = []): string[] {
  let start = 0;
  let quoted = false;
  for (let i = 0; i <= value.length; i += 1) {
    const c = i < value.length ? value.charCodeAt(i) : 0x2c;
    if (quoted && i < value.length) {
      if (c === 0x5c && i + 1 < value.length) i += 1;
      else if (c === 0x22) quoted = false;
    } else if (c === 0x22) quoted = true;
    else if (c === 0x2c) {
      const member = withoutBlanks(value, start, i);
      if (member !== '') into.push(member);
      start = i + 1;
    }
  }
  return into;
}

/** `trim` would take U+00A0 for a blank too; optional white space is SP and HTAB (RFC 9110 §5.6.3). */
function withoutBlanks(text: string, from: number, to: number): string {
  let start = from;
  let end = to;
  while (start < end && isBlank(text.charCodeAt(start))) start += 1;
  while (end > start && isBlank(text.charCodeAt(end - 1))) end -= 1;
  return text.slice(start, end);
}

function isBlank(c: number): boolean {
  return c === 0x20 || c === 0x09;
}

export function withoutField(fields: Fields, lower: string): Field[] {
  return fields.filter((field) => !isNamed(field.name, lower));
}

const UPPER_A = 0x41;
const UPPER_Z = 0x5a;
const TO_LOWER = 0x20;
