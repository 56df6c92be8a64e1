// Which texts are filters, and where the others are wrong.
import { describe, expect, test } from 'vitest';
import type { Filter } from '../../../../src/flows/filter/filter.ts';
import { formatFilter } from '../../../../src/flows/filter/filter.ts';
import { parseFilter } from '../../../../src/flows/filter/parse.ts';
import { BARE_TEXT, OPERATORS, WORDS } from '../../../../src/flows/filter/words.ts';

describe('reads', () => {
  test.each<[string, string]>([
    ['', ''],
    ['~all', ''],
    ['login', 'login'],
    ['a b', 'a b'],
    ['a & b and c', 'a b c'],
    ['a | b c', 'a | b c'],
    ['(a|b) c', '(a | b) c'],
    ['~u a|b', '~u "a|b"'],
    ['a or not b', 'a | !b'],
    ['!(a b)', '!(a b)'],
    ['!!a', '!!a'],
    ['host:Example.COM', 'host:Example.COM'],
    ['HOST:a', 'host:a'],
    ['host:a&host:b', 'host:a host:b'],
    ['host:a|host:b', 'host:a | host:b'],
    ['host:"a,b"', 'host:"a,b"'],
    ['(host:a)', 'host:a'],
    ['path:/a?x=1&y=2', 'path:"/a?x=1&y=2"'],
    ['path:/a(b)', 'path:"/a(b)"'],
    ['~d (foo|bar)\\.com', '~d "(foo|bar)\\\\.com"'],
    ['~u a|~u b', '~u a | ~u b'],
    ['~u \\)', '~u "\\\\)"'],
    ['~q&!~s', '~q !~s'],
    ['~c 5xx', '~c 500-599'],
    ['status:>=400', 'status:>=400'],
    ['status:=404', 'status:404'],
    ['size:>1MB', 'size:>1MB'],
    ['size:2048', 'size:2KiB'],
    ['size:0', 'size:0B'],
    ['time:>0.5s', 'time:>500ms'],
    ['time:1s-2m', 'time:1s-2m'],
    ['header:"content-type: json"', 'header:"content-type: json"'],
    ["body:'it\\'s \\\\ \\d'", 'body:"it\'s \\\\ \\\\d"'],
    ['https://example.com/a?b=c', '"https://example.com/a?b=c"'],
    ['localhost:3000', '"localhost:3000"'],
    ['"and"', '"and"'],
    ['android', 'android'],
    ['is:DENIED', 'is:denied'],
    ['~m GET and ~c 200 or ~e', '~m GET ~c 200 | ~e'],
  ])('%s', (text, canonical) => {
    const parsed = parseFilter(text);
    expect(parsed).toHaveProperty('ok');
    expect(formatFilter((parsed as { ok: Filter }).ok)).toBe(canonical);
  });

  test.each([...WORDS, ...OPERATORS.filter(({ name }) => name !== '" "'), BARE_TEXT].map(({ example }) => example))(
    'the example %s of the help',
    (example) => expect(parseFilter(example)).toHaveProperty('ok'),
  );
});

describe('refuses, and says where', () => {
  test.each<[string, number, string]>([
    ['a &', 4, 'Expected something to look for, such as host:example.com; found the end.'],
    ['a | | b', 5, 'Expected something to look for, such as host:example.com; found |.'],
    ['(a', 3, 'A ) is missing: the ( at column 1 is still open.'],
    ['a )', 3, 'Nothing is open that this ) could close.'],
    ['a "b', 3, 'The text that begins here has no " at its end.'],
    ['hots:a', 1, 'There is no word hots:. Did you mean "host:"? To look for it as a text, put it in quotes.'],
    ['x ~zz', 3, 'There is no word ~zz.'],
    ['a host:', 8, 'host: needs a value, such as host:example.com'],
    ['method:GET,POST', 11, 'method: takes one value; for several, (method:GET | method:POST)'],
    ['a type:json,', 12, 'type: takes one value'],
    ['host:""', 6, 'host: needs a value, such as host:example.com'],
    ['""', 1, 'A text to look for is empty.'],
    ['is:', 4, 'is: needs a value, such as is:denied'],
    ['is:deniet', 4, 'is: knows no deniet. Did you mean "denied"?'],
    ['status:40x', 8, 'status: has a wrong value: expected a status, such as 404, 5xx, >=400 or 400-499; found "40x".'],
    ['status:500-400', 8, 'status: takes a range from less to more; found "500-400".'],
    ['status:>400-500', 8, 'status: takes a comparison or a range, not both; found ">400-500".'],
    [
      'size:>1XB',
      6,
      'size: has a wrong value: expected a size, such as 32KiB, 1MB or 4096 (octets); "XB" is none of B, KB, kB, KiB, MB, MiB, GB, GiB.',
    ],
    ['statsu:500', 1, 'There is no word statsu:. Did you mean "status:"? To look for it as a text, put it in quotes.'],
  ])('%s', (text, column, message) => {
    expect(parseFilter(text)).toMatchObject({ problem: { column, message } });
  });

  test('a pattern that RE2 refuses, at the pattern', () => {
    expect(parseFilter('a ~u (b')).toMatchObject({ problem: { column: 6, message: expect.stringContaining('regular expression') } });
    expect(parseFilter('~u (?=b)')).toMatchObject({ problem: { column: 4 } });
    expect(parseFilter('~b a{1000}')).toMatchObject({ problem: { column: 4, message: expect.stringContaining('repeats more than') } });
  });

  test('what is too deep or too long, so that nothing overflows', () => {
    expect(parseFilter('('.repeat(3_000))).toMatchObject({ problem: { column: 52 } });
    expect(parseFilter('!'.repeat(3_000))).toHaveProperty('problem');
    expect(parseFilter('a '.repeat(3_000))).toHaveProperty('problem');
  });

  test('with what could stand there', () => {
    expect(parseFilter('cache:x')).toMatchObject({ problem: { expected: ['hit', 'validated', 'stale', 'forwarded', 'none'] } });
    expect(parseFilter('(a')).toMatchObject({ problem: { expected: [')'] } });
    expect(parseFilter('a &')).toMatchObject({ problem: { expected: expect.arrayContaining(['host:', '!']) } });
  });
});
