import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { main } from '../../../src/cli/cli.ts';
import { recordingTerminal } from './recording-terminal.ts';

const folder = mkdtempSync(path.join(tmpdir(), 'sallyport-policy-'));
afterAll(() => rmSync(folder, { recursive: true }));
write(
  'p.yaml',
  `version: 1
default: allow
rules:
  - name: Adverts
    deny: { host: .ads.example, path: /banner/* }
    message: No adverts here.
  - deny: { port: 8081 }
`,
);
write('bad.yaml', 'version: 1\ndefault: maybe\n');

/** Policies are read from `folder`; what is said names them without it. */
async function say(words: readonly string[], environment: Record<string, string> = {}) {
  const terminal = recordingTerminal(process.cwd(), environment);
  const code = await main(['policy', ...words.map((word) => (word.endsWith('.yaml') ? path.join(folder, word) : word))], terminal);
  const short = (text: string) => text.replaceAll(`${folder}${path.sep}`, '');
  return { code, out: short(terminal.printed.join('\n')).split('\n'), err: terminal.reported.map(short) };
}

const explain = (method: string, url: string, ...flags: string[]) => say(['explain', method, url, '--policy', 'p.yaml', ...flags]);

test('check says what is in a policy that is right', async () => {
  expect(await say(['check', 'p.yaml'])).toEqual({ code: 0, out: ['p.yaml: 2 rules, otherwise allow'], err: [] });
});

test('check tells the problems of every file, and the code of the worst', async () => {
  expect(await say(['check', 'bad.yaml'])).toMatchObject({ code: 65, err: [expect.stringMatching(/^bad\.yaml:2:10: /)] });
  const { code, out, err } = await say(['check', 'bad.yaml', 'p.yaml', 'none.yaml']);
  expect(code).toBe(66);
  expect(out).toEqual(['p.yaml: 2 rules, otherwise allow']);
  expect(err.map((line) => line.split(':')[0])).toEqual(['bad.yaml', 'none.yaml']);
});

test('check without a file takes the policy that run would use', async () => {
  expect((await say(['check'], { SALLYPORT_POLICY: path.join(folder, 'p.yaml') })).out).toEqual(['p.yaml: 2 rules, otherwise allow']);
  expect((await say(['check'])).out).toEqual([expect.stringMatching(/policies.open\.yaml: \d+ rules?, otherwise allow$/)]);
});

test('explain says the decision first, then each rule considered with its criteria', async () => {
  expect(await explain('GET', 'http://x.ads.example/banner/1')).toEqual({
    code: 0,
    out: [
      "deny  rule 'Adverts'  p.yaml:4",
      'The person is told: No adverts here.',
      '',
      'Rules considered, the first match decides:',
      "  1  matches  deny  rule 'Adverts'  p.yaml:4",
      expect.stringMatching(/^ {7}true {3}host x\.ads\.example /),
      expect.stringMatching(/^ {7}true {3}path \/banner\/1 /),
    ],
    err: [],
  });
});

test('explain shows which criteria of a rule do not hold', async () => {
  const { out } = await explain('GET', 'http://example.com/');
  expect(out[0]).toBe('allow  default  p.yaml:2');
  expect(out.slice(3)).toEqual([
    "  1  differs  deny  rule 'Adverts'  p.yaml:4",
    expect.stringMatching(/^ {7}false {2}host example\.com /),
    expect.stringMatching(/^ {7}false {2}path \/ /),
    '  2  differs  deny  unnamed rule  p.yaml:7',
    expect.stringMatching(/^ {7}false {2}port 80 /),
  ]);
});

test('of an https URL the CONNECT is explained', async () => {
  const { out } = await explain('GET', 'https://x.ads.example/banner/1');
  expect(out.slice(0, 2)).toEqual([
    'allow  default  p.yaml:2',
    'Over https a proxy sees only CONNECT x.ads.example:443; that is what was judged.',
  ]);
  expect((await explain('CONNECT', 'x.ads.example:443')).out[0]).toBe('allow  default  p.yaml:2');
});

test('a port that CONNECT may not name is explained', async () => {
  const { out } = await explain('CONNECT', 'example.com:22');
  expect(out).toEqual([
    expect.stringMatching(/^deny {2}connect_ports {2}p\.yaml:/),
    expect.stringContaining('port 22 is not in connect_ports'),
  ]);
});

test('--json is for scripts', async () => {
  const { out } = await explain('GET', 'http://x.ads.example/banner/1', '--json', '--user', 'ann', '--client', '192.0.2.7');
  expect(JSON.parse(out.join('\n'))).toMatchObject({
    action: 'deny',
    decidedBy: 'rule',
    rule: 'Adverts',
    position: { file: 'p.yaml', line: 4 },
    question: { host: 'x.ads.example', user: 'ann', clientAddress: '192.0.2.7' },
    considered: [
      {
        outcome: 'match',
        criteria: [
          { kind: 'host', isTrue: true },
          { kind: 'path', isTrue: true },
        ],
      },
    ],
  });
});

test('a bad policy cannot explain anything', async () => {
  expect(await say(['explain', 'GET', 'http://a/', '--policy', 'bad.yaml'])).toMatchObject({ code: 65, out: [''] });
  expect(await say(['explain', 'GET', 'http://a/', '--policy', 'none.yaml'])).toMatchObject({ code: 66, out: [''] });
});

function write(name: string, text: string): void {
  writeFileSync(path.join(folder, name), text);
}
