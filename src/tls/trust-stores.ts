// Owns which trust stores a machine has for the CA's certificate, and the exact commands that put it in and take it out again. They are told before
// they are run, and may be copied: each is one program with its words, and leaves alone whatever else is in a store.

export type StoreAction = 'trust' | 'untrust';

export interface TrustStore {
  /** For people: `this system (Debian, Ubuntu)`. */
  readonly name: string;
  readonly isForRootAlone: boolean;
  /** The program that is missing, with what installs it; `null` when it can be done. */
  readonly missing: string | null;
  readonly commands: Readonly<Record<StoreAction, readonly StoreCommand[]>>;
}

export type StoreCommand = readonly [program: string, ...words: string[]];

/** What is asked about a machine. */
export interface Machine {
  readonly platform: NodeJS.Platform;
  /** `null` for a user without one. */
  readonly home: string | null;
  /** Whether a program is found where programs are looked for. */
  has(program: string): boolean;
  exists(path: string): boolean;
  /** Folders of Firefox profiles. */
  readonly firefoxProfiles: readonly string[];
}

export interface CertificateToTrust {
  /** Absolute path of the certificate in PEM. */
  readonly file: string;
  /** What stores list it as; no two CAs have the same. */
  readonly name: string;
  /** SHA-256 and SHA-1, as hexadecimal digits. */
  readonly fingerprint: string;
  readonly fingerprintSha1: string;
}

/** Those that are there, the system's first. */
export function trustStores(machine: Machine, certificate: CertificateToTrust): readonly TrustStore[] {
  if (machine.platform === 'win32') return [windows(certificate)];
  if (machine.platform === 'darwin') return [macos(machine, certificate), ...firefox(machine, certificate)];
  return [...linux(machine, certificate), ...chromium(machine, certificate), ...firefox(machine, certificate)];
}

/** How programs with stores of their own are made to take it, or to let go of it: they are not changed, but told of. */
export function elsewhere(action: StoreAction, { file, name }: CertificateToTrust): readonly string[] {
  const inJava = ['-alias', name, '-cacerts', '-storepass', 'changeit'];
  if (action === 'untrust')
    return [
      `${commandText(['keytool', '-delete', ...inJava])}, or -alias sallyport, as doctor and the proxy's own page name it`,
      'NODE_EXTRA_CA_CERTS, REQUESTS_CA_BUNDLE and SSL_CERT_FILE, and the files that they name',
    ];
  return [
    commandText(['keytool', '-importcert', '-noprompt', '-trustcacerts', ...inJava, '-file', file]),
    `NODE_EXTRA_CA_CERTS=${quoted(file)}`,
    `REQUESTS_CA_BUNDLE and SSL_CERT_FILE take a file with all roots: cat /etc/ssl/certs/ca-certificates.crt ${quoted(file)} > roots.pem`,
  ];
}

/** As a shell takes it. */
export function commandText(words: readonly string[]): string {
  return words.map(quoted).join(' ');
}

function quoted(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;
}

/** The folder for roots of the machine's own, and the program that makes the bundle anew. */
function linux({ has, exists }: Machine, { file, fingerprint }: CertificateToTrust): readonly TrustStore[] {
  return LINUX_STORES.filter(({ folder, program }) => exists(folder) && has(program)).map(
    ({ name, folder, program, afresh, javaStore }) => {
      const target = `${folder}/sallyport-${fingerprint.slice(0, 8).toLowerCase()}.crt`;
      return {
        name,
        isForRootAlone: true,
        missing: null,
        commands: {
          trust: [['install', '-m', '644', file, target], [program]],
          untrust: [['rm', '-f', target], [program, ...afresh], ...outOfJava(target, javaStore, exists)],
        },
      };
    },
  );
}

/**
 * Debian writes what it trusts into a store for Java as well, and there it stays: `update-ca-certificates` tells its hooks of what was added, and of what
 * its settings leave out, but of no file that is gone.
 */
function outOfJava(target: string, javaStore: string | null, exists: Machine['exists']): readonly StoreCommand[] {
  if (javaStore === null || !exists(javaStore)) return [];
  const alias = `debian:${target
    .split('/')
    .at(-1)!
    .replace(/\.crt$/, '.pem')}`;
  return [['keytool', '-delete', '-alias', alias, '-keystore', javaStore, '-storepass', 'changeit']];
}

/** Chromium and its like look into a database of the user's; it is made when one of them is there and has none yet. */
function chromium(machine: Machine, certificate: CertificateToTrust): readonly TrustStore[] {
  const { home, exists, has } = machine;
  if (home === null) return [];
  const database = `${home}/.pki/nssdb`;
  if (exists(`${database}/cert9.db`)) return [nss(machine, 'Chromium and Chrome of this user', database, certificate, [])];
  if (!CHROMIUM_PROGRAMS.some(has)) return [];
  const making: readonly StoreCommand[] = [
    ['mkdir', '-p', database],
    ['certutil', '-N', '--empty-password', '-d', `sql:${database}`],
  ];
  return [nss(machine, 'Chromium and Chrome of this user', database, certificate, making)];
}

function firefox(machine: Machine, certificate: CertificateToTrust): readonly TrustStore[] {
  return machine.firefoxProfiles.map((folder) => nss(machine, `Firefox, profile ${folder.split('/').at(-1)}`, folder, certificate, []));
}

function nss(
  { has }: Machine,
  name: string,
  folder: string,
  { file, name: nickname }: CertificateToTrust,
  making: readonly StoreCommand[],
): TrustStore {
  const database = `sql:${folder}`;
  return {
    name,
    isForRootAlone: false,
    missing: has('certutil') ? null : 'certutil, which is in libnss3-tools (Debian, Ubuntu), nss-tools (Fedora) or nss (Homebrew)',
    commands: {
      // C: trusted to issue certificates of TLS servers, and nothing else.
      trust: [...making, ['certutil', '-A', '-d', database, '-t', 'C,,', '-n', nickname, '-i', file]],
      untrust: [['certutil', '-D', '-d', database, '-n', nickname]],
    },
  };
}

/** The user's own keychain: macOS asks for the password itself. */
function macos({ home }: Machine, { file, fingerprintSha1 }: CertificateToTrust): TrustStore {
  const keychain = `${home ?? '/var/root'}/Library/Keychains/login.keychain-db`;
  return {
    name: 'the keychain of this user',
    isForRootAlone: false,
    missing: null,
    commands: {
      trust: [['security', 'add-trusted-cert', '-r', 'trustRoot', '-p', 'ssl', '-k', keychain, file]],
      untrust: [
        ['security', 'remove-trusted-cert', file],
        ['security', 'delete-certificate', '-Z', fingerprintSha1, keychain],
      ],
    },
  };
}

/** The user's own store: Windows asks whether to go on. */
function windows({ file, fingerprintSha1 }: CertificateToTrust): TrustStore {
  return {
    name: 'the certificates of this user',
    isForRootAlone: false,
    missing: null,
    commands: {
      trust: [['certutil', '-user', '-addstore', 'Root', file]],
      untrust: [['certutil', '-user', '-delstore', 'Root', fingerprintSha1]],
    },
  };
}

/** `afresh` has links to what is gone taken away, too. */
const LINUX_STORES = [
  {
    name: 'this system (Debian, Ubuntu)',
    folder: '/usr/local/share/ca-certificates',
    program: 'update-ca-certificates',
    afresh: ['--fresh'],
    javaStore: '/etc/ssl/certs/java/cacerts',
  },
  {
    name: 'this system (Fedora, Red Hat)',
    folder: '/etc/pki/ca-trust/source/anchors',
    program: 'update-ca-trust',
    afresh: [],
    javaStore: null,
  },
] as const;
const CHROMIUM_PROGRAMS = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable', 'brave-browser', 'microsoft-edge'];
