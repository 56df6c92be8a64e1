import { expect, test } from 'vitest';
import { openText } from './open-text.ts';

const SOA = '@ IN SOA localhost. root.localhost. ( 1 3600\n  600 86400 60 ) ; serial and so on\n  IN NS localhost.\n';

test.each<[string, string, boolean]>([
  ['bad.test CNAME .', 'bad.test', true],
  ['bad.test CNAME .', 'www.bad.test', false],
  ['*.bad.test CNAME .', 'www.bad.test', true],
  ['*.bad.test CNAME .', 'bad.test', false],
  ['BAD.test 300 in cname *. ; NODATA', 'bad.test', true],
  ['bad.test IN 1h CNAME rpz-drop.', 'bad.test', true],
  ['bad.test A 192.0.2.1\n         CNAME .', 'bad.test', true],
])('%j and %s: %s', (record, host, expected) => {
  expect(openText('rpz', `$TTL 300\n${SOA}${record}\n`).matchesHost(host)).toBe(expected);
});

test('the longer of two names that fit has the say, and rpz-passthru excepts', () => {
  const list = openText(
    'rpz',
    `${SOA}*.bad.test CNAME .\n*.ok.bad.test CNAME rpz-passthru.\nok.bad.test CNAME rpz-passthru.\nno.ok.bad.test CNAME .\n`,
  );
  const hosts = ['a.bad.test', 'ok.bad.test', 'a.ok.bad.test', 'no.ok.bad.test'];
  expect(hosts.map((host) => list.matchesHost(host))).toEqual([true, false, false, true]);
  expect(list.explainHost('a.ok.bad.test')).toBe('a.ok.bad.test is within bad.test, but excepted as ok.bad.test (list test, 3 entries)');
});

test.each([
  ['absolute owners, and the zone named by its SOA', 'rpz.example. SOA a. b. 1 2 3 4 5\nbad.test.rpz.example. CNAME .\n'],
  ['relative owners under $ORIGIN', '$ORIGIN rpz.example.\n@ SOA a. b. 1 2 3 4 5\nbad.test CNAME .\n'],
  ['a zone as name servers dump it', '$ORIGIN .\nrpz.example IN SOA a. b. 1 2 3 4 5\n$ORIGIN test.rpz.example.\nbad CNAME .\n'],
  ['no zone name at all', 'bad.test CNAME .\n'],
])('reads %s', (_, zone) => {
  const list = openText('rpz', zone);
  expect(list).toMatchObject({ entries: 1, skipped: 0 });
  expect(list.matchesHost('bad.test')).toBe(true);
});

test('ignores and counts what a proxy cannot do: other triggers, and answers of the zone', () => {
  const records = [
    '32.1.2.0.192.rpz-ip CNAME .',
    '24.0.2.0.192.rpz-client-ip CNAME rpz-passthru.',
    'ns.bad.test.rpz-nsdname CNAME .',
    'garden.test CNAME garden.example.',
    'garden.test A 192.0.2.1',
    'garden.test TXT "a ; text ( with" "marks"',
    'tcp.test CNAME rpz-tcp-only.',
  ];
  expect(openText('rpz', `${SOA}bad.test CNAME .\n${records.join('\n')}\n`)).toMatchObject({
    entries: 1,
    skipped: 0,
    ignored: records.length,
  });
});

test.each(['$INCLUDE other.zone', '$ORIGIN', 'bad.test', 'bad.test CNAME', 'bad.test FOO .', 'b/d.test CNAME .', 'out.of.zone. CNAME .'])(
  '%j cannot be read',
  (line) => {
    const list = openText('rpz', `$ORIGIN rpz.example.\ngood.test CNAME .\n${line}\n`);
    expect(list).toMatchObject({ entries: 1, skipped: 1, firstSkipped: [{ line: 3, text: line }] });
  },
);
