// Owns the `flows` part of the command table: what each of its commands takes and what its help says.
import type { Command, Flag } from './command.ts';
import { PROXY_FLAGS } from './shared-flags.ts';

const SESSION_FLAG: Flag = {
  value: 'NAME|FILE',
  text: 'another session than the one that is recorded into, by its name or as the file of one',
};
const REVEAL_FLAG: Flag = { value: null, text: 'show secrets (cookies, credentials, tokens) as they are' };
const FILTER =
  'FILTER is in the filter language of the inspector: host:example.com status:5xx, is:denied, ~m POST & !~c 200, body:"text". Words next to each ' +
  'other all have to fit. Without one, everything does.';

export const FLOWS_COMMANDS: readonly Command[] = [
  {
    name: 'flows list',
    summary: 'List recorded exchanges',
    operands: '[FILTER...]',
    leastOperands: 0,
    mostOperands: 100,
    flags: {
      limit: { value: 'N', text: 'the newest N; 50 if not given' },
      json: { value: null, text: 'print JSON, one line for each' },
      session: SESSION_FLAG,
      ...PROXY_FLAGS,
    },
    details: [`A line for each: when it began, its number, status, how it ended, size, time, method and URL. ${FILTER}`],
    examples: [
      ['sallyport flows list status:5xx', 'The newest that failed at the origin.'],
      ["sallyport flows list --limit 500 'is:denied & host:example.com'", 'What was denied of one host.'],
    ],
    perform: async (given, terminal) => (await import('./flows-list.ts')).listFlows(given, terminal),
  },
  {
    name: 'flows tail',
    summary: 'Print exchanges as they end',
    operands: '[FILTER...]',
    leastOperands: 0,
    mostOperands: 100,
    flags: { json: { value: null, text: 'print JSON, one line for each' }, ...PROXY_FLAGS },
    details: [`From now on, until it is stopped with Ctrl-C. ${FILTER}`],
    examples: [['sallyport flows tail host:api.example.com', 'What a program asks of one host, while it runs.']],
    perform: async (given, terminal) => (await import('./flows-tail.ts')).tailFlows(given, terminal),
  },
  {
    name: 'flows show',
    summary: 'Show one exchange: both messages, and why it went as it did',
    operands: 'ID',
    leastOperands: 1,
    mostOperands: 1,
    flags: { json: { value: null, text: 'print JSON' }, reveal: REVEAL_FLAG, session: SESSION_FLAG, ...PROXY_FLAGS },
    details: [
      'ID is the number in the list. Fields that the proxy took away are marked with -, those that it added with +. Content is laid out to be read. ' +
        'Secrets are masked, unless they are asked for.',
    ],
    examples: [['sallyport flows show 4711', 'All that is known of it.']],
    perform: async (given, terminal) => (await import('./flows-show.ts')).showFlow(given, terminal),
  },
  {
    name: 'flows replay',
    summary: 'Send a recorded request again',
    operands: 'ID',
    leastOperands: 1,
    mostOperands: 1,
    flags: { json: { value: null, text: 'print JSON' }, ...PROXY_FLAGS },
    details: [
      'It goes the way of every request: the policy judges it, as one of a client of this machine that gives no credentials, and the cache may ' +
        'answer it. What came of it is printed as a line of the list.',
    ],
    examples: [['sallyport flows replay 4711', 'The same request once more.']],
    perform: async (given, terminal) => (await import('./flows-replay.ts')).replayFlow(given, terminal),
  },
  {
    name: 'flows export',
    summary: 'Write recorded exchanges as HAR 1.2',
    operands: '[FILTER...]',
    leastOperands: 0,
    mostOperands: 100,
    flags: {
      har: { value: null, text: 'as an HTTP Archive (HAR 1.2): the one form there is, and so what holds without it' },
      output: { value: 'FILE', text: 'where to, instead of standard output' },
      reveal: REVEAL_FLAG,
      session: SESSION_FLAG,
      ...PROXY_FLAGS,
    },
    details: [`A file that the developer tools of browsers open. Secrets are masked, unless they are asked for. ${FILTER}`],
    examples: [['sallyport flows export --output api.har host:api.example.com', 'What passed to and from one host.']],
    perform: async (given, terminal) => (await import('./flows-export.ts')).exportFlows(given, terminal),
  },
  {
    name: 'top',
    summary: 'Show live what passes, and who sends most',
    operands: '',
    leastOperands: 0,
    mostOperands: 0,
    flags: { once: { value: null, text: 'print it once and end' }, ...PROXY_FLAGS },
    details: ['Rates of the last seconds, and the largest hosts, clients and users of what is recorded; anew each second until Ctrl-C.'],
    examples: [
      ['sallyport top', 'In a terminal.'],
      ['sallyport top --once', 'For a script.'],
    ],
    perform: async (given, terminal) => (await import('./top.ts')).top(given, terminal),
  },
];
