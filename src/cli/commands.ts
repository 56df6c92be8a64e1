// Owns the command table: what each command takes and what its help says. The work is in the file that each loads when it is called,
// so that help and version do not wait for the proxy's parts.
import { CA_COMMANDS } from './ca-commands.ts';
import { CACHE_COMMANDS } from './cache-commands.ts';
import type { Command } from './command.ts';
import { EXIT_OK } from './exit-codes.ts';
import { FLOWS_COMMANDS } from './flows-commands.ts';
import { POLICY_COMMANDS } from './policy-commands.ts';
import { CA_DIR_FLAG, CONFIG_FLAG, POLICY_FLAG, PROXY_FLAGS } from './shared-flags.ts';
import { versionLine } from './version.ts';

export const COMMANDS: readonly Command[] = [
  {
    name: 'run',
    summary: 'Start the proxy, or a command with a proxy of its own',
    operands: '[-- COMMAND...]',
    leastOperands: 0,
    mostOperands: 0,
    flags: {
      listen: {
        value: 'ADDRESS',
        repeats: true,
        text: 'where to listen: 127.0.0.1:8080 (the default), [::1]:8080, unix:PATH; may be given several times. Port 0 takes a free one',
      },
      policy: POLICY_FLAG,
      config: CONFIG_FLAG,
      'access-log': { value: 'FILE', text: 'where finished exchanges are logged: a file, - for standard output (the default), or off' },
      'access-log-format': { value: 'FORMAT', text: 'json (the default), squid or combined' },
      cache: { value: 'STATE', text: 'on (the default), or off: nothing is stored, nothing answered from what is' },
      'no-cache': { value: null, text: 'the same as --cache off' },
      'cache-dir': {
        value: 'FOLDER',
        text: 'where it is stored on disk; without it cache.folder, else the folder for caches of this user',
      },
      offline: { value: null, text: 'ask no origin: answer from the cache, and else with 504' },
      'stale-ok': { value: null, text: 'answer with what is stale too, unless its origin forbids that' },
      'ca-dir': CA_DIR_FLAG,
      admin: { value: 'ADDRESS', text: 'where the inspector is served: a loopback address, 127.0.0.1:8081 by default, or off' },
      record: {
        value: 'STATE',
        text: 'on (the default), or off: what passes is kept for the inspector, in the state folder; off with a command, unless it is asked for',
      },
      session: { value: 'NAME', text: 'the session that it is kept in: default, unless told' },
      workers: {
        value: 'COUNT',
        text: 'processes that share the work: 1 (the default), more, or auto for one a core',
      },
      direct: {
        value: 'HOSTS',
        text: 'with a command: what it reaches without the proxy, as NO_PROXY has it; nothing is left out by default',
      },
      report: { value: 'FILE', text: 'with a command: write what passed as JSON, once it has ended' },
      quiet: { value: null, text: 'with a command: say nothing about it at the end' },
    },
    mayHaveCommand: true,
    details: [
      'A flag wins over the environment, the environment over the configuration file, and that over the defaults. Every key of the file is a ' +
        'variable too: timeouts.connect is SALLYPORT_TIMEOUTS_CONNECT, a list is separated by commas, and SALLYPORT_CONFIG names the file itself.',
      'SIGTERM and SIGINT stop it: nothing new is accepted, what runs may finish until timeouts.drain (30s), and a second signal ends it at ' +
        'once. SIGHUP reads configuration and policy again and opens the access log anew; with any mistake in them the old ones stay in force. ' +
        'Policy files are watched: a change of one, or of what it includes or lists, is taken up in the same way.',
      'With --workers, one process watches the others, which all serve the same addresses. One that ends is started again; SIGUSR2 (or sallyport ' +
        'reload --restart) starts all of them anew without a lost connection. Their memory for the cache is shared out among them, limits.connections ' +
        'too; limits.connections_per_client holds in each.',
      'With -- COMMAND the proxy lives as long as the command, on a free port of 127.0.0.1, with no access log and no reload. The command finds ' +
        'the proxy in variables (http_proxy and its like, JAVA_TOOL_OPTIONS) and, where the policy opens TLS, the certificates to believe ' +
        '(SSL_CERT_FILE, NODE_EXTRA_CA_CERTS and their like, with the roots that they named before): curl, wget, git, Node, npm, Python, pip, ' +
        'Java, Ruby, Deno, Bun, cargo, the AWS command, Go and .NET on Linux. Loopback is judged like every other place. A parent proxy that ' +
        'the variables named stays in use. sallyport doctor tells which programs of this machine that works for.',
      'At the end it says what passed, and exits as the command did: with its code, or 128 and the number of the signal that ended it; with 127 ' +
        'where there is no such command, and 126 where it cannot be executed.',
    ],
    examples: [
      ['sallyport run', 'Listen on 127.0.0.1:8080, for this machine only.'],
      ['sallyport run --listen 0.0.0.0:3128 --policy policies/allowlist.yaml', 'Serve the network, with only the listed sites allowed.'],
      ['sallyport run --config sallyport.yaml --access-log access.log', 'Settings from a file, the access log to another.'],
      ['sallyport run --policy policies/agent.yaml -- npm ci', 'One command, with what the policy allows it, and a report.'],
    ],
    perform: async (given, terminal) =>
      given.command === null
        ? (await import('./run.ts')).run(given, terminal)
        : (await import('./run-command.ts')).runCommand(given, given.command, terminal),
  },
  {
    name: 'reload',
    summary: 'Make the running proxy read its configuration and policy again, or start its workers anew',
    operands: '',
    leastOperands: 0,
    mostOperands: 0,
    flags: {
      restart: {
        value: null,
        text: 'start its workers anew, one after the other, with the program that is installed now; no connection is lost',
      },
      ...PROXY_FLAGS,
    },
    details: [
      'Waits until the proxy has done it, and prints what the proxy says of it. With any mistake in the configuration or the policy, a failing ' +
        "test of the policy's own among them, the old ones stay in force. What is under way goes on; open tunnels that the new policy denies " +
        'are closed after timeouts.denied_tunnel (30s).',
      'A change of the policy, or of a file that it includes or lists, is noticed without this. The proxy is found by the note that it keeps in ' +
        'state_dir; give --config when that names another folder. Exits 65 when the old settings stay, 69 when no proxy is running.',
      'With --restart (or SIGUSR2) a new process takes the place of each worker, and has its sockets: the old one takes no more connections, ' +
        'answers those that it has with Connection: close, and ends when its exchanges and tunnels have, or after timeouts.drain (30s). The process ' +
        'that watches the workers stays the one that it was, and so do its Node, how it reads the configuration and how many workers there are: ' +
        'to renew that too, stop it and start again.',
    ],
    examples: [
      ['sallyport reload', 'There is one proxy, and it is reloaded.'],
      ['sallyport reload --process 18371', 'This one of several.'],
      ['sallyport reload --restart', 'After an update: new workers take over, the old ones finish what they have.'],
    ],
    perform: async (given, terminal) => (await import('./reload.ts')).reload(given, terminal),
  },
  {
    name: 'inspector',
    summary: 'Print a link that opens the inspector of the running proxy',
    operands: '',
    leastOperands: 0,
    mostOperands: 0,
    flags: {
      ...PROXY_FLAGS,
    },
    details: [
      'The link signs in the browser that opens it first, and works once. It leads to a loopback address of this machine: admin in the settings, ' +
        '127.0.0.1:8081 by default.',
    ],
    examples: [['sallyport inspector', 'A link to open in a browser on this machine.']],
    perform: async (given, terminal) => (await import('./inspector.ts')).inspector(given, terminal),
  },
  {
    name: 'doctor',
    summary: 'Try whether the programs of this machine trust the proxy',
    operands: '',
    leastOperands: 0,
    mostOperands: 0,
    flags: {
      config: CONFIG_FLAG,
      'ca-dir': CA_DIR_FLAG,
      json: { value: null, text: 'print what was found as JSON' },
    },
    details: [
      'Each program that is found (curl, wget, git, Python, Node, npm, Java, Go, Ruby, Deno, Bun, cargo, .NET, Chromium) fetches a page over https ' +
        'through a tunnel that a proxy opens: once with trust as the machine is set up, once as sallyport run -- starts it. What does not work is ' +
        'followed by what to do. The page comes from this machine; nothing outside is asked, and nothing is changed.',
      'Exits 0 when everything that was found works under sallyport run, else 1.',
    ],
    examples: [
      ['sallyport doctor', 'What works, and what to do.'],
      ['sallyport doctor --json', 'The same, for a script.'],
    ],
    perform: async (given, terminal) => (await import('./doctor.ts')).doctor(given, terminal),
  },
  ...POLICY_COMMANDS,
  {
    name: 'rewrite check',
    summary: 'Find what is wrong in files of rewriting rules',
    operands: '[FILE...]',
    leastOperands: 0,
    mostOperands: Number.POSITIVE_INFINITY,
    flags: { config: CONFIG_FLAG },
    details: [
      'Every problem is a line with file, line and column; src/rewrite/README.md tells how rules are written. Without a FILE, the one that run would ' +
        'use. Exits 65 when a file is wrong, 66 when it cannot be read.',
    ],
    examples: [['sallyport rewrite check rewrite.yaml', 'Check this one.']],
    perform: async (given, terminal) => (await import('./rewrite-check.ts')).checkRewriting(given, terminal),
  },
  ...CACHE_COMMANDS,
  ...CA_COMMANDS,
  ...FLOWS_COMMANDS,
  {
    name: 'version',
    summary: 'Print the version',
    operands: '',
    leastOperands: 0,
    mostOperands: 0,
    flags: {},
    details: [],
    examples: [],
    perform: async (_, terminal) => {
      terminal.print(versionLine());
      return EXIT_OK;
    },
  },
];
