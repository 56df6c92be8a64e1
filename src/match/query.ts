// Owns reading one parameter out of a query, in the form that browsers write and origins read (application/x-www-form-urlencoded, WHATWG URL §5.1):
// `&` separates, `+` is a space, codes are UTF-8. Names and values are compared decoded, since origins decode them.

/**
 * The values of a parameter, in order.
 *
 * @param pathAndQuery  one character an octet
 * @returns `null` when a code in the query cannot be decoded, so that nobody knows what it says
 * @throws never
 */
export function parameterValues(pathAndQuery: string, name: string): readonly string[] | null {
  const mark = pathAndQuery.indexOf('?');
  if (mark === -1) return NOTHING;
  const values: string[] = [];
  let equals = mark;
  for (let start = mark + 1; start <= pathAndQuery.length; ) {
    const end = indexOrEnd(pathAndQuery, '&', start);
    // Looked for once: a query of ampersands alone would be gone through to its end for each of them.
    if (equals < start) equals = indexOrEnd(pathAndQuery, '=', start);
    const nameEnd = Math.min(equals, end);
    const decodedName = decode(pathAndQuery.slice(start, nameEnd));
    if (decodedName === null) return null;
    if (decodedName === name) {
      const value = nameEnd === end ? '' : decode(pathAndQuery.slice(nameEnd + 1, end));
      if (value === null) return null;
      values.push(value);
    }
    start = end + 1;
  }
  return values;
}

function indexOrEnd(text: string, character: string, start: number): number {
  const index = text.indexOf(character, start);
  return index === -1 ? text.length : index;
}

function decode(text: string): string | null {
  if (!/[+%\x80-\xff]/.test(text)) return text;
  // Octets beyond ASCII arrive one a character; as codes they decode together with the rest.
  const codes = text.replaceAll('+', ' ').replace(/[\x80-\xff]/g, (octet) => `%${octet.charCodeAt(0).toString(16)}`);
  try {
    return decodeURIComponent(codes);
  } catch {
    return null;
  }
}

const NOTHING: readonly string[] = Object.freeze([]);
