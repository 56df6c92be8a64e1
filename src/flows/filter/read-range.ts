// Owns the numbers of the filter language: `404`, `5xx`, `>=400`, `400-499`, `>1MB`, `500ms-2s` → a range in one unit.
import { parseDuration, parseOctets, shown } from '../../match/units.ts';
import type { NumberRange } from './filter.ts';

/**
 * @param form  `size` comes out in octets, `duration` in milliseconds
 * @returns the range, or what is wrong as the end of a sentence that begins with the word
 * @throws never
 */
export function readRange(text: string, form: 'number' | 'size' | 'duration' | 'status'): NumberRange | { readonly problem: string } {
  const ofClass = form === 'status' ? /^([1-5])xx$/i.exec(text) : null;
  if (ofClass !== null) return { comparison: '<=>', value: Number(ofClass[1]) * 100, last: Number(ofClass[1]) * 100 + 99 };
  const [, comparison = '', first = '', last] = /^(<=|>=|<|>|=)?([^-]*)(?:-([^-]*))?$/.exec(text) ?? [];
  try {
    const value = readNumber(first, form);
    if (last === undefined) return { comparison: (comparison || '=') as '=' | '<' | '<=' | '>' | '>=', value };
    if (comparison !== '') return { problem: `takes a comparison or a range, not both; found ${shown(text)}.` };
    const end = readNumber(last, form);
    return end < value ? { problem: `takes a range from less to more; found ${shown(text)}.` } : { comparison: '<=>', value, last: end };
  } catch (error) {
    return { problem: `has a wrong value: ${error instanceof Error ? error.message : String(error)}.` };
  }
}

/** @throws Error that says what was expected */
function readNumber(text: string, form: 'number' | 'size' | 'duration' | 'status'): number {
  if (form === 'size') return parseOctets(text);
  if (form === 'duration') return text === '0' ? 0 : parseDuration(text, 0);
  if (/^\d{1,15}$/.test(text)) return Number(text);
  throw new Error(
    `expected ${form === 'status' ? 'a status, such as 404, 5xx, >=400 or 400-499' : 'a whole number'}; found ${shown(text)}`,
  );
}
