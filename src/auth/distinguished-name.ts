// Owns putting text into names and filters of a directory, and taking names apart: RFC 4514 (distinguished names), RFC 4515 §3 (filters).

/** An attribute value as it stands in a distinguished name (RFC 4514 §2.4). */
export function escapeInName(text: string): string {
  let escaped = '';
  for (let i = 0; i < text.length; i += 1) {
    const character = text[i]!;
    const isOuter = (i === 0 && (character === ' ' || character === '#')) || (i === text.length - 1 && character === ' ');
    if (character === '\0') escaped += '\\00';
    else escaped += isOuter || '"+,;<=>\\'.includes(character) ? `\\${character}` : character;
  }
  return escaped;
}

/** An assertion value as it stands in a filter (RFC 4515 §3). */
export function escapeInFilter(text: string): string {
  return text.replace(/[\0()*\\]/g, (character) => `\\${character.charCodeAt(0).toString(16).padStart(2, '0')}`);
}

/** Puts values in the place of `{name}`; what is put in is not looked at again. */
export function fillIn(template: string, values: Readonly<Record<string, string>>, escaped: (value: string) => string): string {
  return template.replace(/\{(\w+)\}/g, (placeholder, name: string) =>
    Object.hasOwn(values, name) ? escaped(values[name]!) : placeholder,
  );
}

/**
 * The value of the first part of a name that stands below a base: `admins` for `cn=admins,ou=groups,dc=example` and `ou=groups,dc=example`.
 *
 * @returns `null` when it is elsewhere, or is not a name, or its first part has more than one value
 */
export function nameBelow(name: string, base: string): string | null {
  const parts = splitName(name);
  const baseParts = splitName(base);
  const [first] = parts;
  if (first === undefined || parts.length <= baseParts.length || baseParts.length === 0) return null;
  const isBelow = baseParts.every((part, index) => folded(part) === folded(parts[parts.length - baseParts.length + index]!));
  return isBelow && !hasUnescaped(first, '+') ? valueIn(first) : null;
}

/** The value of the first part of a name; `null` when it is none. */
export function firstValue(name: string): string | null {
  return valueIn(splitName(name)[0] ?? '');
}

/** The parts of a name, as they are written. */
function splitName(name: string): string[] {
  const parts: string[] = [];
  let start = 0;
  for (let i = 0; i <= name.length; i += 1) {
    if (name[i] === '\\') i += 1;
    else if (i >= name.length || name[i] === ',') {
      parts.push(name.slice(start, i));
      start = i + 1;
    }
  }
  return parts;
}

function hasUnescaped(part: string, character: string): boolean {
  for (let i = 0; i < part.length; i += 1) {
    if (part[i] === '\\') i += 1;
    else if (part[i] === character) return true;
  }
  return false;
}

/** A part in one spelling for comparison. Attribute types and nearly all values in names are compared without regard to case. */
function folded(part: string): string {
  const value = valueIn(part);
  return value === null ? part : `${typeIn(part)}=${value.toLowerCase()}`;
}

function typeIn(part: string): string {
  return part.slice(0, part.indexOf('=')).trim().toLowerCase();
}

/** The value without its escapes; octets that are written in hex are UTF-8 (RFC 4514 §3). */
function valueIn(part: string): string | null {
  const equals = part.indexOf('=');
  if (equals < 1) return null;
  const bytes: Buffer[] = [];
  const text = withoutOuterBlanks(part.slice(equals + 1));
  for (const [piece] of text.matchAll(/\\[0-9a-fA-F]{2}|\\.|[^\\]+/gs)) {
    if (/^\\[0-9a-fA-F]{2}$/.test(piece)) bytes.push(Buffer.from(piece.slice(1), 'hex'));
    else bytes.push(Buffer.from(piece.startsWith('\\') ? piece.slice(1) : piece, 'utf8'));
  }
  return Buffer.concat(bytes).toString('utf8');
}

/** A blank after a backslash belongs to the value. */
function withoutOuterBlanks(text: string): string {
  let end = text.length;
  while (end > 0 && text[end - 1] === ' ' && text[end - 2] !== '\\') end -= 1;
  return text.slice(0, end).replace(/^ +/, '');
}
