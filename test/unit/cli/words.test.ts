import { expect, test } from 'vitest';
import { banner } from '../../../src/cli/banner.ts';
import { wrap } from '../../../src/cli/help.ts';
import { oneLine } from '../../../src/cli/terminal.ts';
import { DefectBudget, describeDefect } from '../../../src/proxy/defects.ts';

const FACTS = {
  inspectorLink: null,
  policySummary: 'open.yaml: 1 rule, otherwise allow',
  asksForCredentials: false,
  version: '0.1.0',
  nodeVersion: '26.10.0',
  processId: 7,
  workers: [],
  cacheFacts: {
    memoryBytes: 256 * 2 ** 20,
    disk: { folder: '/c', maxBytes: 10 * 2 ** 30, maxObjectBytes: 1 },
    offline: true,
    staleOk: true,
  },
};
const plain = (text: string) => text;

test('the banner is six lines, the last two to paste', () => {
  const listening = [
    { address: { kind: 'unix', path: '/s' }, url: 'unix:/s' },
    { address: { kind: 'tcp', host: '127.0.0.1', port: 8080 }, url: 'http://127.0.0.1:8080' },
  ] as const;
  expect(banner({ ...FACTS, listening }, plain).split('\n')).toEqual([
    'sallyport  0.1.0, node 26.10.0, process 7',
    'listening  unix:/s  http://127.0.0.1:8080',
    'policy     open.yaml: 1 rule, otherwise allow',
    'cache      256 MiB in memory, 10 GiB in /c; OFFLINE: no origin is asked; stale responses answer, too',
    'curl       curl --proxy http://127.0.0.1:8080 https://example.com/',
    'browser    chromium --proxy-server=http://127.0.0.1:8080',
  ]);
});

test.each([
  ['0.0.0.0', 'http://0.0.0.0:3128', 'http://127.0.0.1:3128'],
  ['::', 'http://[::]:3128', 'http://[::1]:3128'],
])('a listener on every interface (%s) is pasted as this machine', (host, url, pasted) => {
  const listening = [{ address: { kind: 'tcp', host, port: 3128 }, url }] as const;
  expect(banner({ ...FACTS, listening }, plain)).toContain(`--proxy-server=${pasted}`);
});

test('without a TCP listener there is nothing to paste, and the banner says so', () => {
  const listening = [{ address: { kind: 'unix', path: '/s' }, url: 'unix:/s' }] as const;
  expect(banner({ ...FACTS, listening }, plain).split('\n')).toHaveLength(6);
  expect(banner({ ...FACTS, listening }, plain)).toContain('needs a TCP address as well');
});

test('where credentials are asked for, the line for curl has a place for them', () => {
  const listening = [{ address: { kind: 'tcp', host: '127.0.0.1', port: 8080 }, url: 'http://127.0.0.1:8080' }] as const;
  const lines = banner({ ...FACTS, asksForCredentials: true, listening }, plain);
  expect(lines).toContain('curl --proxy http://127.0.0.1:8080 --proxy-user NAME https://example.com/');
});

test('a report stays one line, and steers no terminal', () => {
  expect(oneLine('a\n    at b\r\nc')).toBe('a | at b | c');
  expect(oneLine('\x1b[31mred\x07\u202e\u0085')).toBe('\\u001b[31mred\\u0007\\u202e\\u0085');
});

test('a defect is told with its stack and its causes', () => {
  const text = describeDefect(new Error('outer', { cause: new TypeError('inner') }));
  expect(text).toMatch(/^defect: Error: outer\n {4}at [\s\S]*\ncaused by defect: TypeError: inner\n {4}at /);
  expect(describeDefect('text')).toBe('defect: thrown text');
});

test('the budget is spent by one defect more than it allows within its time', () => {
  const budget = new DefectBudget(3, 1_000);
  expect([0, 1, 2].map((time) => budget.isSpentBy(time))).toEqual([false, false, false]);
  expect(budget.isSpentBy(999)).toBe(true);
  expect([1_999, 2_000, 2_001].map((time) => budget.isSpentBy(time))).toEqual([false, false, false]);
});

test('text is wrapped at 80 columns; a longer word stands alone', () => {
  const text = `${'word '.repeat(40)}${'x'.repeat(100)} end`;
  const lines = wrap(text, '  ').split('\n');
  expect(lines.filter((line) => line.length > 80)).toEqual([`  ${'x'.repeat(100)}`]);
  expect(lines.map((line) => line.slice(2)).join(' ')).toBe(text);
});
