// Every spelling of a host and a path that reaches an origin is either refused before the policy is asked, or meets the decision that its canonical
// form meets, and is dialled and sent as that form. Targets are read as `exchange/receive.ts` reads them, and judged through `authorize`.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { ProxyError } from '../../src/errors/proxy-error.ts';
import { type Authority, formatAuthority } from '../../src/http/authority.ts';
import { normalisePath } from '../../src/http/path.ts';
import { parseTarget, type Target } from '../../src/http/target.ts';
import type { Condition } from '../../src/match/condition.ts';
import type { Question } from '../../src/match/question.ts';
import { type Authorization, createAuthorize } from '../../src/policy/authorize.ts';
import { compilePolicy, visitLeaves } from '../../src/policy/compile.ts';
import type { Policy } from '../../src/policy/policy.ts';
import * as q from '../support/questions.ts';
import { policy, question } from './decide-arbitraries.ts';

/** A host in canonical form, and one of the ways to write it. */
interface Spelling {
  readonly host: string;
  readonly spelled: string;
}

/** A name beyond ASCII, its letters in other cases and widths: one A-label (UTS 46, non-transitional). */
const U_LABELS: Readonly<Record<string, readonly string[]>> = {
  'xn--bcher-kva': ['bücher', 'BÜCHER', 'bu\u0308cher', 'xn--bcher-kva', 'XN--BCHER-KVA'],
  'xn--fa-hia': ['faß', 'FAß', 'xn--fa-hia'],
  'xn--wgv71a': ['日本', 'xn--wgv71a'],
  a: ['a', 'A', 'ａ', 'Ａ', '\u00adａ'],
  b: ['b', 'B', 'ｂ'],
  test: ['test', 'TEST', 'ｔｅｓｔ'],
};
const DOTS = ['.', '.', '.', '。', '．', '｡'];

const name: fc.Arbitrary<Spelling> = fc
  .tuple(
    fc.constantFrom('a.test', 'b.a.test', 'xn--bcher-kva.test', 'xn--fa-hia.a.test', 'xn--wgv71a.b.test'),
    fc.infiniteStream(fc.nat()),
    fc.boolean(),
  )
  .map(([host, choices, hasDot]) => {
    const pick = (from: readonly string[]) => from[choices.next().value % from.length]!;
    const labels = host.split('.').map((label) => pick(U_LABELS[label]!));
    return { host, spelled: labels.reduce((text, label) => text + pick(DOTS) + label) + (hasDot ? pick(DOTS) : '') };
  });

const ipv4: fc.Arbitrary<Spelling> = fc
  .tuple(
    fc.constantFrom(0x0a000001, 0x0a010203, 0xc0000201, 0x7f000001, 0xffffffff),
    fc.integer({ min: 1, max: 4 }),
    fc.infiniteStream(fc.nat()),
    fc.boolean(),
  )
  .map(([value, count, choices, hasDot]) => {
    const octets = [24, 16, 8, 0].map((shift) => (value >>> shift) & 0xff);
    const last = octets.slice(count - 1).reduce((sum, octet) => sum * 256 + octet, 0);
    const parts = [...octets.slice(0, count - 1), last].map((part) => spelledNumber(part, choices.next().value));
    return { host: octets.join('.'), spelled: parts.join('.') + (hasDot ? '.' : '') };
  });

function spelledNumber(value: number, choice: number): string {
  const zeros = '0'.repeat((choice >> 3) % 4);
  switch (choice % 4) {
    case 0:
      return `0x${zeros}${value.toString(16)}`;
    case 1:
      return `0X${zeros}${value.toString(16).toUpperCase()}`;
    case 2:
      return `0${zeros}${value.toString(8)}`;
    default:
      return String(value);
  }
}

const mapped: fc.Arbitrary<Spelling> = fc
  .constantFrom<[string, string]>(['10.0.0.1', 'a00:1'], ['10.1.2.3', 'A01:0203'], ['192.0.2.1', 'c000:201'])
  .chain(([host, hex]) =>
    fc
      .constantFrom(`::ffff:${host}`, `::FFFF:${hex}`, `0:0:0:0:0:ffff:${host}`, `0000::ffff:${hex}`, `::0:ffff:${hex}`)
      .map((text) => ({ host, spelled: `[${text}]` })),
  );

const ipv6: fc.Arbitrary<Spelling> = fc
  .constantFrom('2001:db8::1', 'fd00::1', '::1', '2001:db8::a:0:0:1')
  .chain((host) => fc.constantFrom(...ipv6Spellings(host)).map((text) => ({ host, spelled: `[${text}]` })));

function ipv6Spellings(host: string): readonly string[] {
  const [before = '', after = ''] = host.split('::');
  const [head, tail] = [before, after].map((part) => (part === '' ? [] : part.split(':')));
  const gap = Array<string>(8 - head!.length - tail!.length).fill('0');
  const groups = [...head!, ...gap, ...tail!];
  const last = groups.slice(-2).map((group) => Number.parseInt(group, 16));
  const quad = last.flatMap((group) => [group >> 8, group & 0xff]).join('.');
  const long = groups.map((group) => group.padStart(4, '0')).join(':');
  return [host, host.toUpperCase(), groups.join(':'), long, long.toUpperCase(), [...groups.slice(0, 6), quad].join(':')];
}

const host = fc.oneof({ weight: 2, arbitrary: name }, ipv4, mapped, ipv6);

/** A path in normal form, and one of the ways to write it. */
const path = fc
  .tuple(fc.array(fc.constantFrom('a', 'b', '~', 'aa', 'x.y', 'a;b'), { maxLength: 4 }), fc.boolean(), fc.infiniteStream(fc.nat()))
  .map(([segments, isFolder, choices]) => {
    const normal = `/${segments.join('/')}${isFolder && segments.length > 0 ? '/' : ''}`;
    let spelled = '';
    for (const character of normal)
      spelled += character === '/' ? spelledSlash(choices.next().value) : spelledCharacter(character, choices.next().value);
    return { normal, spelled };
  });

function spelledSlash(choice: number): string {
  return ['/', '/', '/', '//', '/./', '/%2e/', '/x/../', '/a/b/%2E./.%2e/', '/%61/..//'][choice % 9]!;
}

/** Codes of reserved characters say something else (RFC 3986 §2.2). */
function spelledCharacter(character: string, choice: number): string {
  if (!/[A-Za-z0-9._~-]/.test(character)) return character;
  const code = character.charCodeAt(0).toString(16);
  return [character, character, `%${code}`, `%${code.toUpperCase()}`][choice % 4]!;
}

const query = fc.constantFrom('', '?x=1', '?x=1&y=2', '?/../a');

test('every spelling of a host and a path meets the decision on its canonical form, or is refused', () => {
  let reached = 0;
  fc.assert(
    fc.property(
      policy.map(withoutRequestLists),
      question,
      host,
      path,
      query,
      fc.constantFrom('', ':80', ':8080'),
      (some, asked, place, way, after, port) => {
        if (asked.scheme === 'tunnel') return;
        const compiled = compilePolicy(some);
        const spelled = read('GET', `http://${octets(place.spelled)}${port}${way.spelled}${after}`);
        if (spelled === null) return;
        reached += 1;
        const canonical = read('GET', `http://${formatted(place.host)}${port}${way.normal}${after}`)!;
        expect(spelled.authority).toEqual(canonical.authority);
        const [one, other] = [spelled, canonical].map((target) => verdict(compiled, asked, target));
        expect(summary(one!)).toEqual(summary(other!));
        // Whatever was judged is what is sent.
        if (other!.decision.normalisedPath !== null) expect(one!.decision.normalisedPath).toBe(canonical.pathAndQuery);
      },
    ),
    { numRuns: 5000 },
  );
  expect(reached).toBeGreaterThan(2000);
});

test('every spelling of a host meets the decision on its canonical form in CONNECT, or is refused', () => {
  fc.assert(
    fc.property(policy, question, host, (some, asked, place) => {
      const compiled = compilePolicy(some);
      const [spelled, canonical] = [place.spelled, formatted(place.host)].map((text) => read('CONNECT', `${octets(text)}:443`));
      if (spelled === null || spelled === undefined) return;
      expect(spelled).toEqual(canonical);
      expect(summary(verdict(compiled, asked, spelled))).toEqual(summary(verdict(compiled, asked, canonical!)));
    }),
    { numRuns: 3000 },
  );
});

test('no spelling of a path leads past a list of requests', () => {
  const compiled = q.compiled('allow', [q.rule('deny', q.inList('ads', q.requestList('/a/b')))]);
  fc.assert(
    fc.property(path, (way) => {
      const [spelled, canonical] = [way.spelled, way.normal].map((text) => read('GET', `http://a.test${text}`)!);
      if (verdict(compiled, q.question(), canonical!).decision.action === 'deny')
        expect(verdict(compiled, q.question(), spelled!).decision.action).toBe('deny');
    }),
    { numRuns: 3000 },
  );
});

test.each([
  'http://a%2etest/',
  'http://%61.test/',
  'http://a.test%00/',
  'http://a..test/',
  'http://a.test../',
  'http://.a.test/',
  'http://user@a.test/',
  'http://b.test@a.test/',
  'http://a.test\\@b.test/',
  'http://a.test:080/',
  'http://a.test:+80/',
  'http://a.test:/',
  'http://256.0.0.1/',
  'http://1.2.3.4.5/',
  'http://0x100000000/',
  'http://09.0.0.1/',
  'http://[::1%25eth0]/',
  'http://[fe80::1%eth0]/',
  'http://[a.test]/',
  'http://::1/',
  'http://a.test/#/../b',
])('%s is refused before any rule', (target) => {
  expect(read('GET', target)).toBeNull();
});

type Destination = Pick<Question, 'method'> & { readonly authority: Authority; readonly pathAndQuery: string | null };

/** The destination, as the proxy reads it; `null` when it is refused. */
function read(method: string, text: string): Destination | null {
  let target: Target;
  try {
    target = parseTarget(method, text);
  } catch (error) {
    if (error instanceof ProxyError && error.code === 'http_request_error') return null;
    throw error;
  }
  if (target.form === 'authority-form') return { method, authority: target.authority, pathAndQuery: null };
  if (target.form === 'absolute-form') return { method, authority: target.authority, pathAndQuery: target.pathAndQuery };
  return null;
}

function verdict(
  compiled: ReturnType<typeof compilePolicy>,
  asked: Question,
  { method, authority, pathAndQuery }: Destination,
): Authorization {
  const resolve = () => ['10.0.0.1', '192.0.2.1', '2001:db8::1'];
  const scheme = pathAndQuery === null ? 'tunnel' : 'http';
  const authorization = createAuthorize(compiled, resolve, () => asked.nowMs).request({
    ...asked,
    method,
    scheme,
    authority,
    pathAndQuery,
  });
  if (authorization instanceof Promise) throw new Error('the addresses are known');
  return authorization;
}

function summary({ decision, addresses }: Authorization): unknown {
  const { action, rule, decidedBy, awaits, reported } = decision;
  return { action, rule: rule?.position.line, decidedBy, awaits, reported: reported.length, addresses };
}

/** They go by the address as it came, which the test after them is about. */
function withoutRequestLists(some: Policy): Policy {
  return { ...some, rules: some.rules.filter(({ condition }) => !asksRequestList(condition)) };
}

function asksRequestList(condition: Condition): boolean {
  let asks = false;
  visitLeaves(condition, (leaf) => {
    if (leaf.kind === 'list-use' && leaf.list.kind === 'requests') asks = true;
  });
  return asks;
}

function formatted(canonicalHost: string): string {
  return formatAuthority({ host: canonicalHost, kind: canonicalHost.includes(':') ? 'ipv6' : 'name', port: 80 }, 80);
}

/** Text as it comes in a request line: UTF-8, one character an octet. */
function octets(text: string): string {
  return Buffer.from(text).toString('latin1');
}

test('the paths of these tests are in normal form', () => {
  fc.assert(
    fc.property(path, ({ normal, spelled }) => {
      expect(normalisePath(normal)).toMatchObject({ path: normal, isUsable: true });
      expect(normalisePath(spelled)).toMatchObject({ path: normal, isUsable: true });
    }),
  );
});
