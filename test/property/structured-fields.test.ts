import fc from 'fast-check';
import { expect, it } from 'vitest';
import { serializeMember, token } from '../../src/http/structured-fields.ts';

const anyText = fc.oneof(fc.string({ unit: 'binary', maxLength: 60 }), fc.string({ unit: 'grapheme-ascii', maxLength: 60 }));

it('writes any text as a member that a reader of RFC 9651 §4.2 takes apart into the same values', () => {
  fc.assert(
    fc.property(anyText, anyText, fc.integer({ min: -1e12, max: 1e12 }), (name, details, status) => {
      const member = serializeMember(name, { error: token('dns_error'), details, 'received-status': status, stored: true });
      expect(member).toMatch(/^[\x20-\x7e]*$/);

      const reader = new MemberReader(member);
      expect(reader.bareItem()).toBe(printable(name));
      expect(reader.parameters()).toEqual({
        error: 'dns_error',
        details: printable(details),
        'received-status': String(status),
        stored: '?1',
      });
      expect(reader.rest()).toBe('');
    }),
    { numRuns: 500 },
  );
});

function printable(text: string): string {
  return Array.from(text, (character) => (/^[\x20-\x7e]$/.test(character) ? character : '?')).join('');
}

/** RFC 9651 §4.2.3 as its steps are written, enough of it to read back what we write; numbers and tokens come back as their text. */
class MemberReader {
  #text: string;

  constructor(text: string) {
    this.#text = text;
  }

  bareItem(): string {
    if (!this.#text.startsWith('"')) return this.#take(/^[A-Za-z0-9!#$%&'*+\-.^_`|~:/]+/);
    this.#take(/^"/);
    let value = '';
    for (;;) {
      const character = this.#take(/^./);
      if (character === '"') return value;
      value += character === '\\' ? this.#take(/^["\\]/) : character;
    }
  }

  parameters(): Record<string, string> {
    const parameters: Record<string, string> = {};
    while (this.#text.startsWith(';')) {
      this.#take(/^;/);
      const key = this.#take(/^[a-z*][a-z0-9_\-.*]*/);
      if (this.#text.startsWith('=')) {
        this.#take(/^=/);
        parameters[key] = this.bareItem();
      } else parameters[key] = '?1';
    }
    return parameters;
  }

  rest(): string {
    return this.#text;
  }

  #take(pattern: RegExp): string {
    const [taken] = pattern.exec(this.#text) ?? [];
    if (taken === undefined) throw new Error(`${pattern} expected at ${JSON.stringify(this.#text)}`);
    this.#text = this.#text.slice(taken.length);
    return taken;
  }
}
