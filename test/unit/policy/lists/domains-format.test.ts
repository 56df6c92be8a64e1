import { describe, expect, test } from 'vitest';
import { openText } from './open-text.ts';

describe('domains', () => {
  test.each<[string, string, boolean]>([
    ['example.com', 'example.com', true],
    ['example.com', 'www.example.com', false],
    ['.example.com', 'example.com', true],
    ['.example.com', 'a.b.example.com', true],
    ['*.example.com', 'example.com', false],
    ['*.example.com', 'a.b.example.com', true],
    ['EXAMPLE.Com', 'example.com', true],
    ['example.com.', 'example.com', true],
    ['bücher.example', 'xn--bcher-kva.example', true],
    ['BÜCHER.example', 'xn--bcher-kva.example', true],
    ['*.bücher.example', 'www.xn--bcher-kva.example', true],
    ['_dmarc.example.com', '_dmarc.example.com', true],
    ['192.0.2.1', '192.0.2.1', true],
    ['0xc0000201', '192.0.2.1', true],
    ['[2001:DB8::1]', '2001:db8::1', true],
    ['  example.com\t# a comment\r', 'example.com', true],
    ['com', 'com', true],
  ])('%j and %s: %s', (line, host, expected) => {
    expect(openText('domains', `${line}\nother.test\n`).matchesHost(host)).toBe(expected);
  });

  test('with subdomains a plain name covers all below it, and an address only itself', () => {
    const list = openText('domains', 'example.com\n192.0.2.1\n*.below.test', true);
    const hosts = ['example.com', 'a.b.example.com', '192.0.2.1', 'below.test', 'a.below.test'];
    expect(hosts.map((host) => list.matchesHost(host))).toEqual([true, true, true, false, true]);
  });

  test.each([
    'two words',
    'http://example.com/',
    'example.com/path',
    'a..b',
    '.',
    '*.',
    '*',
    '*.192.0.2.1',
    '300.1.1.1',
    'example.com##.ad',
    `${'a'.repeat(64)}.test`,
    `${'a.'.repeat(130)}test`,
    'a'.repeat(5000),
    '||example.com^',
    'nul\0.test',
    '\x80\xff',
  ])('%j is no name; it is skipped and shown', (line) => {
    const list = openText('domains', Buffer.from(`good.test\n${line}\nalso-good.test\n`, 'latin1'));
    expect(list).toMatchObject({ entries: 2, skipped: 1, firstSkipped: [{ line: 2 }] });
    expect(list.firstSkipped[0]?.text).toMatch(/^[ -~]{1,83}$/);
  });

  test('comments, blank lines and a byte order mark say nothing', () => {
    const list = openText('domains', '\ufeffexample.com\r\n\r\n# a comment\n   \n\t# another\n#\nlast.test');
    expect(list).toMatchObject({ entries: 2, skipped: 0, ignored: 0 });
    expect(list.matchesHost('example.com')).toBe(true);
    expect(list.matchesHost('last.test')).toBe(true);
  });

  test('only the first lines that could not be read are kept', () => {
    const list = openText('domains', `${'a b\n'.repeat(9)}${'good.test\n'.repeat(9)}`);
    expect(list).toMatchObject({ entries: 1, skipped: 9 });
    expect(list.firstSkipped.map(({ line }) => line)).toEqual([1, 2, 3, 4, 5]);
  });
});

describe('hosts', () => {
  test('lists the names behind addresses that lead nowhere', () => {
    const list = openText(
      'hosts',
      '0.0.0.0 a.test\n127.0.0.1\tb.test  c.test # comment\n:: d.test\n::1 e.test\n0 f.test\n127.0.0.2 g.test\n',
    );
    expect(list).toMatchObject({ entries: 7, skipped: 0, ignored: 0 });
    expect(['a', 'b', 'c', 'd', 'e', 'f', 'g'].every((name) => list.matchesHost(`${name}.test`))).toBe(true);
    expect(list.matchesHost('www.a.test')).toBe(false);
  });

  test('ignores the names a machine gives itself, and addresses of other hosts', () => {
    const lines = [
      '127.0.0.1 localhost localhost.localdomain',
      '255.255.255.255 broadcasthost',
      '::1 ip6-localhost ip6-loopback',
      'ff02::1 ip6-allnodes',
      'fe80::1%lo0 localhost',
      '0.0.0.0 0.0.0.0',
      '10.0.0.5 intranet.example',
      '0.0.0.0 ads.test LocalHost',
    ];
    const list = openText('hosts', lines.join('\n'));
    expect(list).toMatchObject({ entries: 1, skipped: 0, ignored: 7 });
    expect(['localhost', 'intranet.example', '0.0.0.0'].some((host) => list.matchesHost(host))).toBe(false);
  });

  test.each(['0.0.0.0', 'ads.test', '0.0.0.0 a/b good.test', '1.2.3 a.test', '0.0.0.0.0 a.test'])('%j cannot be read', (line) => {
    expect(openText('hosts', `0.0.0.0 good.test\n${line}\n`)).toMatchObject({
      entries: 1,
      skipped: 1,
      firstSkipped: [{ line: 2, text: line }],
    });
  });

  test('with subdomains a name covers all below it', () => {
    expect(openText('hosts', '0.0.0.0 ads.test', true).matchesHost('x.ads.test')).toBe(true);
  });
});
