// Owns the `policy` part of the command table: what each of its commands takes and what its help says.
import type { Command } from './command.ts';
import { CONFIG_FLAG, POLICY_FLAG } from './shared-flags.ts';

export const POLICY_COMMANDS: readonly Command[] = [
  {
    name: 'policy check',
    summary: 'Find what is wrong in policies, or looks like a mistake',
    operands: '[FILE...]',
    leastOperands: 0,
    mostOperands: Number.POSITIVE_INFINITY,
    flags: { strict: { value: null, text: 'exit 65 for warnings too' }, config: CONFIG_FLAG },
    details: [
      'Every problem and every warning is a line with file, line and column. Warnings are about rules that never decide, values that stand ' +
        'twice, patterns as wide as .com, times that are over, lists with lines that cannot be read, rules that a tunnel goes round, and tunnels ' +
        'that are opened for nothing.',
      'Without a FILE, the policy that run would use. Exits 65 when a policy is wrong, 66 when a file cannot be read.',
    ],
    examples: [
      ['sallyport policy check policies/*.yaml', 'Check all of them.'],
      ['sallyport policy check --strict corporate.yaml', 'For CI: a warning fails the job.'],
    ],
    perform: async (given, terminal) => (await import('./policy-check.ts')).checkPolicies(given, terminal),
  },
  {
    name: 'policy test',
    summary: 'Run the tests that stand in policies',
    operands: '[FILE...]',
    leastOperands: 0,
    mostOperands: Number.POSITIVE_INFINITY,
    flags: {
      coverage: { value: null, text: 'name the rules that no test reaches' },
      least: { value: 'PERCENT', text: 'with --coverage: fail when fewer of the rules are reached' },
      format: { value: 'FORMAT', text: 'text (the default), tap or junit' },
      output: { value: 'FILE', text: 'write the results there, and only the counts here' },
      config: CONFIG_FLAG,
    },
    details: [
      'A test is a request and what is expected to become of it; policies/README.md tells how to write one. A test that says no moment is run now.',
      'Without a FILE, the policy that run would use. Exits 0 when all pass, 1 when some fail, 65 when a policy is wrong.',
    ],
    examples: [
      ['sallyport policy test policies/*.yaml --coverage --least 90', 'Nine rules of ten have to be reached by a test.'],
      ['sallyport policy test corporate.yaml --format junit --output results.xml', 'For a CI server that reads JUnit.'],
    ],
    perform: async (given, terminal) => (await import('./policy-test.ts')).testPolicies(given, terminal),
  },
  {
    name: 'policy explain',
    summary: 'Say how a policy judges a request, and why',
    operands: 'METHOD URL',
    leastOperands: 2,
    mostOperands: 2,
    flags: {
      policy: POLICY_FLAG,
      config: CONFIG_FLAG,
      user: { value: 'NAME', text: 'who asks; nobody if not given' },
      group: { value: 'NAME', repeats: true, text: 'a group that the user is in' },
      claim: { value: 'NAME=VALUE', repeats: true, text: 'a claim of the token that the user came with' },
      client: { value: 'ADDRESS', text: 'where the request comes from; 127.0.0.1 if not given' },
      listener: { value: 'NAME', text: 'the listener that it comes to' },
      at: { value: 'TIME', text: 'when, such as 2026-11-23T09:00+01:00; now if not given' },
      resolve: { value: 'ADDRESS', repeats: true, text: 'what the name resolves to; nothing is looked up' },
      field: { value: "'Name: value'", repeats: true, text: 'a field of the request' },
      size: { value: 'N', text: 'how much content the request has, such as 3MiB' },
      upgrade: { value: 'PROTOCOL', text: 'what the request wants to go on with: websocket' },
      'response-type': { value: 'TYPE', text: 'the media type of the answer, such as text/html' },
      'response-size': { value: 'N', text: 'how much content the answer has' },
      sni: { value: 'NAME', text: 'the server name with which TLS begins in the tunnel, or none; the host if not given' },
      'tunnel-protocol': { value: 'PROTOCOL', text: 'what the tunnel carries: tls (the default), http or other' },
      inside: { value: null, text: 'judge the request of an https URL as one inside an opened tunnel, and not the CONNECT' },
      all: { value: null, text: 'show every rule considered, with each of its criteria' },
      json: { value: null, text: 'print JSON' },
    },
    details: [
      'The decision comes first, then the rules that were passed over although they are about the host, each with the reason. Exits 0 whatever ' +
        'the decision is; scripts read "action" from --json, whose members policies/README.md lists.',
      'Of an https URL a proxy sees only CONNECT and the host, so that is what is judged. Names are not looked up: an allowed host can still be ' +
        'refused for its address when a request is made.',
    ],
    examples: [
      ['sallyport policy explain GET http://example.com/', 'A request that the proxy sees whole.'],
      ['sallyport policy explain CONNECT example.com:443 --policy allowlist.yaml', 'A tunnel, judged by another policy.'],
      ['sallyport policy explain GET http://in.example/ --user ann --resolve 10.1.2.3', 'Who asks, and what the name resolves to.'],
      ['sallyport policy explain CONNECT example.com:443 --sni other.example', 'A tunnel in which another name is said.'],
    ],
    perform: async (given, terminal) => (await import('./policy-explain.ts')).explainRequest(given, terminal),
  },
  {
    name: 'policy intercepts',
    summary: 'List which TLS a policy opens, and why',
    operands: '',
    leastOperands: 0,
    mostOperands: 0,
    flags: { policy: POLICY_FLAG, config: CONFIG_FLAG, json: { value: null, text: 'print JSON' } },
    details: [
      'For each rule that opens tunnels: the hosts, the rules that only an opened tunnel shows their requests to, the tunnels that rules before it ' +
        "let pass as they are, and what becomes of clients that trust no certificate but the origin's. What nothing needs is said to be so. " +
        'Certificates that are taken although they are at fault come last.',
    ],
    examples: [['sallyport policy intercepts --policy inspect.yaml', 'What of the traffic the proxy reads.']],
    perform: async (given, terminal) => (await import('./policy-intercepts.ts')).listIntercepts(given, terminal),
  },
  {
    name: 'policy diff',
    summary: 'Show which requests two policies judge differently',
    operands: 'BEFORE AFTER',
    leastOperands: 2,
    mostOperands: 2,
    flags: {
      log: { value: 'FILE', text: 'the requests: an access log in JSON; - is standard input' },
      rules: { value: null, text: 'show what another rule decides too, even if it comes to the same' },
    },
    details: [
      'With a log, every request in it is put to both policies, and those that flip are counted by user and host. The log may be of any size. ' +
        'Without one, the tests of both policies and every host that either of them names are asked instead.',
      'Exits 0 when nothing flips, 1 when something does, 65 when a policy is wrong.',
    ],
    examples: [
      ['sallyport policy diff corporate.yaml new.yaml --log access.json', 'What would have been different.'],
      ['zcat access.json.*.gz | sallyport policy diff corporate.yaml new.yaml --log -', 'The same for logs that were put away.'],
    ],
    perform: async (given, terminal) => (await import('./policy-diff.ts')).diffPolicies(given, terminal),
  },
  {
    name: 'policy learn',
    summary: 'Write a policy that allows what a log shows',
    operands: 'LOG',
    leastOperands: 1,
    mostOperands: 1,
    flags: { output: { value: 'FILE', text: 'write the policy there; without it, to standard output' } },
    details: [
      'LOG is an access log in JSON; - is standard input. The policy denies by default and allows the hosts, ports, methods and paths that were ' +
        'seen, with counts beside them and a test for each rule. What is doubtful is written as a comment with the reason: requests that were ' +
        'denied or failed, hosts that were seen once, addresses in place of names, and what needs allow_private.',
      'Run the proxy with an open policy for a while, learn from its log, read what came out, and take that for a start.',
    ],
    examples: [['sallyport policy learn access.json --output learned.yaml', 'Then: sallyport policy test learned.yaml']],
    perform: async (given, terminal) => (await import('./policy-learn.ts')).learnPolicy(given, terminal),
  },
];
