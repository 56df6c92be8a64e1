// Owns what a client says first when it begins TLS: the ClientHello (RFC 8446 §4.1.2, RFC 5246 §7.4.1.2), as far as it is visible.
// It is read before anybody has agreed to speak TLS with this client, so everything is bounded and nothing throws.
// Strict on purpose: policy decides by what is read here, and whoever answers the hello, an origin behind a tunnel or OpenSSL in this process, must
// find the same in it. What two readers could take for two things is `malformed`, never "there is none": extensions that come twice, lists that do
// not fill their extension, names that are no host names. Addresses are such names: RFC 6066 §3 does not permit them in server_name, and taken for
// "no name" they would let a tunnel pass with a name in it that no rule has seen.
// The framing of SSL 2.0, which RFC 8446 §D.5 forbids, is malformed, too: OpenSSL still answers it.
import { endsInNumber } from '../net/ip-address.ts';
import { readFirstMessage } from './hello-records.ts';
import { ja4 } from './ja4.ts';
import { MalformedOctets, OctetReader } from './octet-reader.ts';

export interface ClientHello {
  /** Server Name Indication (RFC 6066 §3) as a canonical host name; `null` when there is none. */
  readonly serverName: string | null;
  /** RFC 7301, in the order of the client's preference; octets as ISO-8859-1. */
  readonly alpn: readonly string[];
  /** Highest first; 0x0304 is TLS 1.3. From supported_versions, or else the legacy version alone. */
  readonly versions: readonly number[];
  /** The fingerprint of the client's TLS library. */
  readonly ja4: string;
  /**
   * It has an encrypted_client_hello: the name that is visible need not be the one that is meant. It says no more than that, since Chromium always
   * sends one, filled with random octets where it knows of no key (GREASE ECH); whoever answers goes by the visible name then.
   */
  readonly isEncrypted: boolean;
  /** It cannot take a certificate whose key is ECDSA on P-256. */
  readonly needsRsa: boolean;
}

export type HelloRead =
  /** `octets`: how many there must be, at the least, before reading again is of use. */
  | { readonly kind: 'need-more'; readonly octets: number }
  | { readonly kind: 'hello'; readonly hello: ClientHello }
  | { readonly kind: 'not-tls' }
  /** TLS, but not as it must be. The reason is a clause: "server_name holds an address". */
  | { readonly kind: 'malformed'; readonly reason: string };

/**
 * Reads the ClientHello at the beginning of what a client has sent. GREASE values (RFC 8701) are left out of every list.
 *
 * @param bytes everything so far, from the first octet on; not kept
 * @throws never
 */
export function readClientHello(bytes: Buffer): HelloRead {
  try {
    const first = readFirstMessage(bytes);
    return first.kind === 'message' ? { kind: 'hello', hello: readBody(first.body) } : first;
  } catch (error) {
    if (error instanceof MalformedOctets) return { kind: 'malformed', reason: error.message };
    throw error;
  }
}

function readBody(body: Buffer): ClientHello {
  const reader = new OctetReader(body, 'the ClientHello');
  const legacyVersion = reader.uint16();
  if (legacyVersion >> 8 !== 3) throw new MalformedOctets(`version ${hex(legacyVersion)} is none of TLS`);
  reader.skip(RANDOM);
  if (reader.vector8('the session identifier', 0).length > MOST_SESSION_ID) throw new MalformedOctets('the session identifier is too long');
  const cipherSuites = reader.vector16('the list of cipher suites', 2).restAsUint16s().filter(isNotGrease);
  if (!reader.vector8('the list of compression methods', 1).includes(NO_COMPRESSION))
    throw new MalformedOctets('the client insists on compression');
  const extensions = new Extensions();
  // TLS 1.2 knows hellos without extensions (RFC 5246 §7.4.1.2).
  if (!reader.isAtEnd) extensions.read(reader.vector16('the list of extensions', 0));
  reader.finish();
  return describe(legacyVersion, cipherSuites, extensions);
}

function describe(legacyVersion: number, cipherSuites: readonly number[], extensions: Extensions): ClientHello {
  const versions = extensions.versions ?? [legacyVersion];
  const { serverName, alpn, signatureAlgorithms } = extensions;
  return {
    serverName,
    alpn,
    versions,
    ja4: ja4({
      version: versions[0] ?? 0,
      hasServerName: serverName !== null,
      cipherSuites,
      extensions: extensions.types.filter(isNotGrease),
      signatureAlgorithms,
      protocol: alpn[0] ?? '',
    }),
    isEncrypted: extensions.isEncrypted,
    needsRsa: !takesEcdsa(versions, cipherSuites, extensions),
  };
}

/**
 * Whether a certificate with a key on P-256 will do. In TLS 1.3 the signature algorithm says it all (RFC 8446 §4.2.3). Before, the cipher suite names
 * the kind of key and supported_groups its curve (RFC 8422 §5.1), and clients that name no signature algorithm mean SHA-1, which nobody signs with now.
 */
function takesEcdsa(versions: readonly number[], cipherSuites: readonly number[], extensions: Extensions): boolean {
  if (!extensions.signatureAlgorithms.includes(ECDSA_SECP256R1_SHA256)) return false;
  if (versions.includes(TLS_1_3)) return true;
  const { groups } = extensions;
  return (groups === null || groups.includes(SECP256R1)) && cipherSuites.some((suite) => ECDHE_ECDSA_SUITES.has(suite));
}

/** What the extensions say. */
class Extensions {
  /** Ascending. */
  readonly types: number[] = [];
  serverName: string | null = null;
  alpn: readonly string[] = [];
  /** Highest first; `null` without supported_versions. */
  versions: readonly number[] | null = null;
  signatureAlgorithms: readonly number[] = [];
  groups: readonly number[] | null = null;
  isEncrypted = false;

  read(list: OctetReader): void {
    const { types } = this;
    while (!list.isAtEnd) {
      // RFC 8446 §4.2.11
      if (types.at(-1) === PRE_SHARED_KEY) throw new MalformedOctets('an extension follows pre_shared_key, which must be the last');
      const type = list.uint16();
      const content = list.vector16(`extension ${type}`, 0);
      this.#readOne(type, content);
      types.push(type);
    }
    types.sort((a, b) => a - b);
    const repeated = types.find((type, index) => index > 0 && types[index - 1] === type);
    if (repeated !== undefined) throw new MalformedOctets(`extension ${repeated} comes twice`);
  }

  #readOne(type: number, content: OctetReader): void {
    switch (type) {
      case SERVER_NAME:
        this.serverName = readServerName(content);
        break;
      case ALPN:
        this.alpn = readProtocols(content);
        break;
      case SUPPORTED_VERSIONS:
        this.versions = readList(content, content.vector8('supported_versions', 2)).sort((a, b) => b - a);
        break;
      case SIGNATURE_ALGORITHMS:
        this.signatureAlgorithms = readList(content, content.vector16('signature_algorithms', 2));
        break;
      case SUPPORTED_GROUPS:
        this.groups = readList(content, content.vector16('supported_groups', 2));
        break;
      case ENCRYPTED_CLIENT_HELLO:
        this.isEncrypted = true;
        break;
    }
  }
}

function readList(content: OctetReader, list: OctetReader): number[] {
  content.finish();
  return list.restAsUint16s().filter(isNotGrease);
}

/** RFC 6066 §3: a list that can hold one name of each kind, of which there is one. */
function readServerName(content: OctetReader): string {
  const list = content.vector16('server_name', 1);
  content.finish();
  if (list.uint8() !== HOST_NAME) throw new MalformedOctets('server_name holds something else than a host name');
  const name = list.vector16('server_name', 1).restAsText();
  if (!list.isAtEnd) throw new MalformedOctets('server_name holds more than one name');
  return canonicalName(name);
}

/** RFC 7301 §3.1. */
function readProtocols(content: OctetReader): string[] {
  const list = content.vector16('the list of ALPN', 2);
  content.finish();
  const protocols: string[] = [];
  while (!list.isAtEnd) {
    const protocol = list.vector8('a protocol of ALPN', 1).restAsText();
    if (protocol.length !== 2 || isNotGrease((protocol.charCodeAt(0) << 8) | protocol.charCodeAt(1))) protocols.push(protocol);
  }
  return protocols;
}

/** Lower case and without the dot at the end, as http/authority.ts has the host of a request. The underscore is in no host name, and in use. */
function canonicalName(text: string): string {
  const name = text.endsWith('.') ? text.slice(0, -1) : text;
  if (name.length > MOST_NAME) throw new MalformedOctets(`server_name is longer than ${MOST_NAME} octets`);
  if (name.includes(':') || endsInNumber(name)) throw new MalformedOctets('server_name holds an address');
  let labelStart = 0;
  for (let at = 0; at <= name.length; at += 1) {
    const octet = at === name.length ? DOT : name.charCodeAt(at);
    if (octet === DOT) {
      if (at === labelStart || at - labelStart > MOST_LABEL) throw new MalformedOctets('server_name has a label that is empty or too long');
      labelStart = at + 1;
    } else if (!isNameOctet(octet)) throw new MalformedOctets(`server_name holds the octet ${hex(octet)}, which no host name has`);
  }
  return name.toLowerCase();
}

function isNameOctet(octet: number): boolean {
  const letter = octet | 0x20;
  return (letter >= 0x61 && letter <= 0x7a) || (octet >= 0x30 && octet <= 0x39) || octet === 0x2d || octet === 0x5f;
}

/** RFC 8701 §2: 0x0A0A, 0x1A1A and so on. */
function isNotGrease(value: number): boolean {
  return (value & 0x0f0f) !== 0x0a0a || value >> 8 !== (value & 0xff);
}

function hex(value: number): string {
  return `0x${value.toString(16).padStart(2, '0')}`;
}

const RANDOM = 32;
const MOST_SESSION_ID = 32;
const NO_COMPRESSION = 0;
const TLS_1_3 = 0x0304;
const ECDSA_SECP256R1_SHA256 = 0x0403;
const SECP256R1 = 23;
/** With AES or ChaCha20 and SHA-2, as IANA numbers them; what is older is not offered by us either. */
const ECDHE_ECDSA_SUITES: ReadonlySet<number> = new Set([
  0xc009, 0xc00a, 0xc023, 0xc024, 0xc02b, 0xc02c, 0xc0ac, 0xc0ad, 0xc0ae, 0xc0af, 0xcca9,
]);
const DOT = 0x2e;
const MOST_NAME = 253;
const MOST_LABEL = 63;
const HOST_NAME = 0;

// Extension types (IANA, TLS ExtensionType Values).
const SERVER_NAME = 0;
const SUPPORTED_GROUPS = 10;
const SIGNATURE_ALGORITHMS = 13;
const ALPN = 16;
const PRE_SHARED_KEY = 41;
const SUPPORTED_VERSIONS = 43;
const ENCRYPTED_CLIENT_HELLO = 0xfe0d;
