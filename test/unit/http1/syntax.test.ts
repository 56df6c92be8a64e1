import { expect, it } from 'vitest';
import { isFieldText, parseFieldLines, parseRequestLine, parseStatusLine, SyntaxProblem } from '../../../src/http1/syntax.ts';

const TOKEN = "!#$%&'*+-.^_`|~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
const everyOctet = Array.from({ length: 256 }, (_, code) => String.fromCharCode(code));

it('a field value holds HTAB, SP, visible characters and obs-text (RFC 9110 §5.5)', () => {
  const wrong = everyOctet.filter((octet) => !isFieldText(octet)).map((octet) => octet.charCodeAt(0));
  expect(wrong).toEqual([...Array.from({ length: 32 }, (_, code) => code).filter((code) => code !== 9), 127]);
  expect(isFieldText('')).toBe(true);
  // Cut to its low octet this would be LF.
  expect(isFieldText('\u010a')).toBe(false);
});

it('a field name with any other octet is refused, and so is one with a blank before the colon (RFC 9112 §5.1)', () => {
  for (const octet of everyOctet) {
    const parsed = parseFieldLines(`X${octet}Y: 1`, 0, 10);
    const isRight = TOKEN.includes(octet) || octet === ':';
    expect(parsed instanceof SyntaxProblem, JSON.stringify(octet)).toBe(!isRight);
    expect(parseFieldLines(`X${octet}: 1`, 0, 10) instanceof SyntaxProblem, JSON.stringify(octet)).toBe(!isRight);
  }
});

it('a field value with a control character is refused, whichever it is', () => {
  for (const octet of everyOctet) {
    expect(parseFieldLines(`X: a${octet}b`, 0, 10) instanceof SyntaxProblem, JSON.stringify(octet)).toBe(!isFieldText(octet));
  }
});

it('a request target with a blank or control character is refused, whichever it is', () => {
  for (const octet of everyOctet) {
    const line = `GET /a${octet}b HTTP/1.1`;
    const code = octet.charCodeAt(0);
    expect(parseRequestLine(line, line.length, 100) instanceof SyntaxProblem, JSON.stringify(octet)).toBe(code <= 32 || code === 127);
  }
});

it('a start line is parted by one SP, by no other octet', () => {
  for (const octet of everyOctet.filter((each) => each !== ' ')) {
    for (const line of [`GET${octet}/ HTTP/1.1`, `GET /${octet}HTTP/1.1`])
      expect(parseRequestLine(line, line.length, 100)).toBeInstanceOf(SyntaxProblem);
    for (const line of [`HTTP/1.1${octet}200 OK`, `HTTP/1.1 200${octet}OK`])
      expect(parseStatusLine(line, line.length)).toBeInstanceOf(SyntaxProblem);
  }
});

it.each([
  ['X: 1', [['X', '1']]],
  ['X:1', [['X', '1']]],
  ['X: \t 1 2\t \t', [['X', '1 2']]],
  ['X:', [['X', '']]],
  ['X: \t', [['X', '']]],
  ['X::', [['X', ':']]],
  [
    'a: 1\r\nB: 2\r\nA: 3',
    [
      ['a', '1'],
      ['B', '2'],
      ['A', '3'],
    ],
  ],
  ['X: \xa0\xff', [['X', '\xa0\xff']]],
])('field lines: %j', (text, expected) => {
  expect(parseFieldLines(text, 0, 10)).toEqual(expected.map(([name, value]) => ({ name, value })));
});

it('names what is wrong with a field line, and repeats no more than 60 characters of it', () => {
  expect(parseFieldLines(' folded', 0, 10)).toMatchObject({ message: expect.stringContaining('folded lines are not accepted') });
  expect(parseFieldLines('Name : 1', 0, 10)).toMatchObject({
    message: expect.stringContaining('between the field name "Name" and its colon'),
  });
  expect(parseFieldLines(': 1', 0, 10)).toMatchObject({ message: expect.stringContaining('no name') });
  const problem = parseFieldLines('n'.repeat(1000), 0, 10);
  expect(problem).toBeInstanceOf(SyntaxProblem);
  expect((problem as SyntaxProblem).message.length).toBeLessThan(200);
});
