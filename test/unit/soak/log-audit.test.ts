import { describe, expect, test } from 'vitest';
import { auditLog, type LoggedExpectation } from '../../soak/log-audit.ts';

const line = (target: string, method = 'GET'): string =>
  `${JSON.stringify({ method, target, outcome: 'forwarded', status: 200, total_ms: 1.5 })}\n`;
const exchange = (id: number): string => line(`http://127.0.0.1:80/length/5/${id}`);
const UNNUMBERED = { connects: 0, maybeMissingConnects: 0, storables: 0, maybeMissingStorables: 0 };
const EXPECTED: LoggedExpectation = { ids: 3, maybeMissing: new Set([2]), ...UNNUMBERED };

describe('the audit of the access log', () => {
  test.each([
    { name: 'every exchange has a line', text: exchange(0) + exchange(1) + exchange(2), failures: [] },
    { name: 'only one that the client broke off has none', text: exchange(1) + exchange(0), failures: [] },
    { name: 'another has none', text: exchange(0), failures: ['no line for exchange 1'] },
    { name: 'one has two', text: exchange(0) + exchange(1) + exchange(1), failures: ['a second line for http://127.0.0.1:80/length/5/1'] },
    { name: 'a line does not parse', text: `${exchange(0)}{"met\n${exchange(1)}`, failures: ['not a line of the log: {"met'] },
    {
      name: 'the last line is cut',
      text: exchange(0) + exchange(1).trimEnd(),
      failures: ['the last line is cut', 'no line for exchange 1'],
    },
    {
      name: 'a line is for what nobody asked',
      text: exchange(0) + exchange(1) + line('http://127.0.0.1:80/other'),
      failures: ['a request for /other, which nobody made'],
    },
  ])('says what is wrong when $name', ({ text, failures }) => {
    expect(auditLog(text, EXPECTED).failures).toEqual(failures);
  });

  test('counts tunnels, whose lines name no exchange', () => {
    const text = line('127.0.0.1:80', 'CONNECT').repeat(4);
    const among = (connects: number, maybe: number): readonly string[] =>
      auditLog(text, { ids: 0, maybeMissing: new Set(), ...UNNUMBERED, connects, maybeMissingConnects: maybe }).failures;
    expect(among(3, 1)).toEqual([]);
    expect(among(5, 0)).toEqual(['4 lines for CONNECT; there were from 5 to 5']);
    expect(among(2, 1)).toEqual(['4 lines for CONNECT; there were from 2 to 3']);
  });
});
