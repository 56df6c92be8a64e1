// Owns the `ca` part of the command table: what each of its commands takes and what its help says.
import type { Command, Flag } from './command.ts';
import { CA_DIR_FLAG, CONFIG_FLAG, POLICY_FLAG } from './shared-flags.ts';

const WHERE: Readonly<Record<string, Flag>> = { 'ca-dir': CA_DIR_FLAG, config: CONFIG_FLAG };
const NEW: Readonly<Record<string, Flag>> = {
  only: { value: 'HOSTS', text: 'names and addresses, separated by commas: it can sign for nothing else' },
  'from-policy': { value: null, text: 'the same, with the hosts that the policy intercepts' },
  policy: { ...POLICY_FLAG, text: `with --from-policy: ${POLICY_FLAG.text}` },
  rsa: { value: null, text: 'an RSA key of 3072 bits, for clients that know no ECDSA; else ECDSA P-256' },
};
const CHANGING: Readonly<Record<string, Flag>> = {
  'dry-run': { value: null, text: 'print the commands, and run none' },
  yes: { value: null, text: 'do not ask first' },
  ...WHERE,
};
const LIMITED =
  'A CA that is limited (--only, --from-policy) says so in its certificate, as critical name constraints: clients believe it for those names and ' +
  'what is below them, whoever gets hold of its key; and for the page of this proxy that shows whether a client trusts it, sallyport.invalid.';

export const CA_COMMANDS: readonly Command[] = [
  {
    name: 'ca init',
    summary: 'Make the CA under which tunnels are opened',
    operands: '',
    leastOperands: 0,
    mostOperands: 0,
    flags: { ...NEW, ...WHERE },
    details: [
      'A proxy whose policy intercepts makes one of its own accord; this is for choosing what it is to be. It lasts five years. The key stays in ' +
        'the folder, for this user alone (0600 in 0700), and is refused when others could read it.',
      LIMITED,
    ],
    examples: [
      ['sallyport ca init', 'For every host.'],
      ['sallyport ca init --only example.com,192.0.2.0/24', 'For example.com, all names below it, and those addresses.'],
      ['sallyport ca init --from-policy --config sallyport.yaml', 'For what the policy opens that this file names.'],
    ],
    perform: async (given, terminal) => (await import('./ca-init.ts')).initAuthority(given, terminal),
  },
  {
    name: 'ca show',
    summary: 'Say which CA there is, and whether this system trusts it',
    operands: '',
    leastOperands: 0,
    mostOperands: 0,
    flags: { json: { value: null, text: 'print JSON' }, ...WHERE },
    details: ['Exits 1 when there is none yet.'],
    examples: [['sallyport ca show', 'Name, fingerprint, dates, limits and file.']],
    perform: async (given, terminal) => (await import('./ca-show.ts')).showAuthority(given, terminal),
  },
  {
    name: 'ca rotate',
    summary: 'Put a new CA in the place of the old one',
    operands: '',
    leastOperands: 0,
    mostOperands: 0,
    flags: { ...NEW, 'every-host': { value: null, text: 'not limited any more' }, ...WHERE },
    details: [
      'The old certificate stays beside the new one, for taking it out of trust stores; the old key is gone. Clients show errors for opened tunnels ' +
        'until they trust the new certificate, and a running proxy uses the old CA until it is reloaded. The new one ' +
        'is limited as the old one was, and its key is of the same kind, unless flags say something else.',
      LIMITED,
    ],
    examples: [['sallyport ca rotate', 'When it expires soon, or when somebody may have read the key.']],
    perform: async (given, terminal) => (await import('./ca-init.ts')).replaceAuthority(given, terminal),
  },
  {
    name: 'ca export',
    summary: 'Print the certificate of the CA, or write it to a file',
    operands: '',
    leastOperands: 0,
    mostOperands: 0,
    flags: {
      format: { value: 'FORMAT', text: 'pem (the default), der, or pkcs12, which Java takes as a trust store, too' },
      output: { value: 'FILE', text: 'where to; der and pkcs12 need it' },
      password: { value: 'TEXT', text: 'of the pkcs12 file, which holds nothing secret: changeit if not given, as Java has it' },
      ...WHERE,
    },
    details: ['The certificate alone. No command and no page gives the private key away.'],
    examples: [
      ['sallyport ca export > sallyport-ca.crt', 'For most programs.'],
      [
        'sallyport ca export --format pkcs12 --output trust.p12',
        'Then java -Djavax.net.ssl.trustStore=trust.p12 -Djavax.net.ssl.trustStorePassword=changeit.',
      ],
    ],
    perform: async (given, terminal) => (await import('./ca-export.ts')).exportAuthority(given, terminal),
  },
  {
    name: 'ca trust',
    summary: 'Have this machine trust the CA',
    operands: '[FILE]',
    leastOperands: 0,
    mostOperands: 1,
    flags: CHANGING,
    details: [
      'Shows the commands for each trust store that is found, asks, and runs them: that of the system (Debian, Ubuntu, Fedora, macOS, Windows), of ' +
        'Chromium, of Firefox. What needs root, or a program that is missing, is shown and left to you. FILE is another certificate than that of the CA.',
      'Whoever has the key of a CA that a machine trusts can be any site for it. ca untrust takes it out again. Exits 1 when something is left to do.',
    ],
    examples: [
      ['sallyport ca trust --dry-run', 'What it would do.'],
      ['sallyport ca trust --yes', 'In a script or a container.'],
    ],
    perform: async (given, terminal) => (await import('./ca-trust.ts')).changeTrust('trust', given, terminal),
  },
  {
    name: 'ca untrust',
    summary: 'Take the CA out of the trust stores of this machine',
    operands: '[FILE]',
    leastOperands: 0,
    mostOperands: 1,
    flags: CHANGING,
    details: ['The way back from ca trust. FILE is another certificate than that of the CA, such as the one that ca rotate has kept.'],
    examples: [
      ['sallyport ca untrust', 'The CA that there is.'],
      ['sallyport ca untrust certs/ca/ca-until-2026-11-22.crt', 'The one before.'],
    ],
    perform: async (given, terminal) => (await import('./ca-trust.ts')).changeTrust('untrust', given, terminal),
  },
];
