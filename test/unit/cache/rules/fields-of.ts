import type { Fields } from '../../../../src/http/message.ts';

/** Field lines as they stand in a message, `Name: value` each. */
export function fieldsOf(...lines: readonly string[]): Fields {
  return lines.map((line) => {
    const colon = line.indexOf(':');
    return { name: line.slice(0, colon), value: line.slice(colon + 1).trim() };
  });
}
