import { expect, test } from 'vitest';
import { main } from '../../../src/cli/cli.ts';
import { parseArguments } from '../../../src/cli/command.ts';
import { COMMANDS } from '../../../src/cli/commands.ts';
import { recordingTerminal } from './recording-terminal.ts';

async function say(...words: string[]) {
  const terminal = recordingTerminal('/');
  const code = await main(words, terminal);
  return { code, out: terminal.printed.join('\n'), err: terminal.reported };
}

test.each([[['help']], [['--help']], [['-h']]])('%j prints the commands and the exit codes', async (words) => {
  const { code, out } = await say(...words);
  expect(code).toBe(0);
  for (const { name } of COMMANDS) expect(out).toContain(`  ${name} `);
  for (const exit of [0, 64, 65, 66, 69, 70, 77, 78]) expect(out).toMatch(new RegExp(`^ {2}${exit} +\\S`, 'm'));
});

test('no command prints the help, and is a wrong use all the same', async () => {
  expect(await say()).toMatchObject({ code: 64, out: (await say('help')).out, err: [] });
  expect((await say('policy')).code).toBe(64);
});

test.each([
  ['run', '--help'],
  ['run', '-h'],
  ['run', '--listen', '--help'],
  ['help', 'run'],
])('%s %s prints the help of run', async (...words) => {
  const { code, out } = await say(...words);
  expect(code).toBe(0);
  expect(out).toMatch(/^Usage: sallyport run \[FLAGS\] \[-- COMMAND\.\.\.\]\n/);
});

test.each([[['policy', '--help']], [['help', 'policy']]])('%j prints the help of the group', async (words) => {
  expect(await say(...words)).toMatchObject({
    code: 0,
    out: expect.stringMatching(/policy check .*\n.*policy test .*\n.*policy explain /),
  });
});

test('no line of any help is wider than 80 columns', async () => {
  for (const name of ['', 'policy', ...COMMANDS.map((command) => command.name)]) {
    const { code, out } = await say('help', ...name.split(' ').filter(Boolean));
    expect(code).toBe(0);
    expect(out.split('\n').filter((line) => line.length > 80)).toEqual([]);
  }
});

test('the help of a command names each of its flags', async () => {
  for (const command of COMMANDS) {
    const { out } = await say('help', ...command.name.split(' '));
    for (const flag of Object.keys(command.flags)) expect(out).toContain(`  --${flag}`);
  }
});

test('version prints one line', async () => {
  const { code, out } = await say('version');
  expect({ code, out }).toEqual({ code: 0, out: expect.stringMatching(/^sallyport \d+\.\d+\.\d+ \(node \d+\.\d+\.\d+, \w+ \w+\)$/) });
  expect((await say('--version')).out).toBe(out);
});

test.each([
  [['rnu'], 'unknown command "rnu". Did you mean "run"? See sallyport --help.'],
  [['policy', 'chek'], 'unknown command "policy chek". Did you mean "policy check"? See sallyport --help.'],
  [['help', 'rnu'], 'unknown command "rnu". Did you mean "run"? See sallyport --help.'],
  [['--listen', 'x'], '--listen stands before the command: write sallyport COMMAND --listen. See sallyport --help.'],
  [['run', '--lisen', 'x'], 'unknown flag --lisen. Did you mean "--listen"? See sallyport run --help.'],
  [['run', '-l'], 'unknown flag -l. See sallyport run --help.'],
  [['run', '--__proto__'], 'unknown flag --__proto__. See sallyport run --help.'],
  [['run', '--listen'], '--listen needs a value: --listen ADDRESS. See sallyport run --help.'],
  [['run', '--listen', '--policy', 'x'], '--listen needs a value: --listen ADDRESS. See sallyport run --help.'],
  [['run', '--policy='], '--policy needs a value: --policy FILE. See sallyport run --help.'],
  [['run', '--policy', 'a', '--policy', 'b'], '--policy may be given once. See sallyport run --help.'],
  [['run', 'now'], '"now" is one word too many. A command stands after --. See sallyport run --help.'],
  [['version', '--', '--help'], '"--help" is one word too many. See sallyport version --help.'],
  [['policy', 'explain', 'GET'], 'expected METHOD URL. See sallyport policy explain --help.'],
  [['policy', 'explain', 'GET', 'http://a/', '--json=1'], '--json takes no value. See sallyport policy explain --help.'],
  [['policy', 'explain', 'GET', '/'], '/: name the whole URL, such as http://example.com/.'],
  [['policy', 'explain', 'GET', 'http://a/', '--client', 'me'], '--client: "me" is not an IP address.'],
  [['policy', 'explain', 'CONNECT', 'a'], /^a: /],
])('%j is one line and exit code 64', async (words, problem) => {
  expect(await say(...words)).toEqual({ code: 64, out: '', err: [typeof problem === 'string' ? problem : expect.stringMatching(problem)] });
});

test('what follows -- is a command, whatever it looks like, and belongs to run alone', async () => {
  expect(parseArguments(COMMANDS[0]!, ['--quiet', '--', 'curl', '--help', '--', '-v'])).toEqual({
    operands: [],
    flags: new Map([['quiet', ['']]]),
    command: ['curl', '--help', '--', '-v'],
  });
  expect(await say('run', '--')).toMatchObject({ code: 64, err: ['expected a command after --. See sallyport run --help.'] });
  expect(await say('run', '--quiet')).toMatchObject({
    code: 64,
    err: ['--quiet is about a command: sallyport run --quiet ... -- COMMAND.'],
  });
});
