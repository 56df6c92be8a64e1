// Owns how a credential is kept that Vary makes a response depend on: as its SHA-256, so that it selects (RFC 9111 §4.1) and lies in no index, in memory or
// on disk, where it would outlive its request. The mark before it is a character that no field value has (RFC 9110 §5.5): nobody can send a digest.
// Which fields are credentials is known, and what is masked in records (`record.redact`) is one besides.
// Not keyed: all processes and restarts need the same, and whoever reads the folder would read its key as well. A password that can be guessed can be tried.
import { hash } from 'node:crypto';
import { SECRET_FIELDS } from '../../http/secret-fields.ts';
import type { SelectingField } from '../stored-response.ts';

/** Whether the value of a request field is not to be kept. @param name  lower case @param configured  what the operator calls secret besides */
export function isSecret(name: string, configured: readonly string[]): boolean {
  return SECRETS.has(name) || configured.includes(name);
}

export function digestOf(name: string, value: string): string {
  if (last.value !== value || last.name !== name) {
    last.digest = MARK + hash('sha256', `${name}: ${value}`, 'base64url');
    last.name = name;
    last.value = value;
  }
  return last.digest;
}

export function isDigest(value: string): boolean {
  return value.startsWith(MARK);
}

/** What responses were selected by, for people: of what counts as a credential now, no value, though one be kept since before it was called secret. */
export function shownSelection(selectedBy: readonly SelectingField[], configured: readonly string[]): SelectingField[] {
  return selectedBy.map(({ name, value }) => {
    if (value === null) return { name, value };
    return { name, value: shownValue(isSecret(name, configured) && !isDigest(value) ? digestOf(name, value) : value) };
  });
}

/** In place of a digest, for people: enough of it to tell two stored responses apart. Any other value is itself. */
export function shownValue(value: string): string {
  return isDigest(value) ? `(${KEPT}: ${value.slice(MARK.length, MARK.length + SHOWN)}...)` : value;
}

/** Whether a value is such words: there is nothing to mask. */
export function isShownDigest(value: string): boolean {
  return value.startsWith(`(${KEPT}`);
}

const KEPT = 'kept as a digest only';
const MARK = '\n';
const SHOWN = 8;
const SECRETS: ReadonlySet<string> = new Set(SECRET_FIELDS);
/** One request is held against many variants. */
const last = { name: '', value: '', digest: '' };
