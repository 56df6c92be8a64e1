// Owns the SecureContext of each name that a server of ours shows: a leaf under the CA, its key, and what protects session tickets.
// One key of each type for the life of the process: leaves differ by name, and a key for each would cost more than everything else about them.
// Ticket keys are derived from one secret and the name, so that a ticket of one host says nothing to another, and processes that share the secret
// take each other's (RFC 5077 §5.5, RFC 8446 §4.6.1). A context is replaced when two thirds of its leaf's life are over.
import { generateKeyPair, generateKeyPairSync, hkdfSync, type KeyObject, randomBytes } from 'node:crypto';
import { createSecureContext, type SecureContext } from 'node:tls';
import { promisify } from 'node:util';
import { LRUCache } from 'lru-cache';
import { pemOf } from '../x509/pem.ts';
import type { CertificateAuthority } from './authority.ts';
import { issueLeaf, type Leaf } from './leaf.ts';
import type { LeafOptions } from './options.ts';

/** What a leaf is signed for: ECDSA for everybody, RSA for clients whose hello offers nothing else. */
export type LeafKeyType = 'ec' | 'rsa';

/** What began before `close()` may still ask; what it is given then goes with it. */
export class LeafContexts {
  readonly #authority: CertificateAuthority;
  readonly #lifetimeMs: number;
  readonly #ticketSecret: Uint8Array;
  readonly #now: () => number;
  readonly #kept: LRUCache<string, KeptContext>;
  readonly #pending = new Map<string, Promise<SecureContext>>();
  readonly #retired: RetiredContext[] = [];
  readonly #ecKey: LeafKey;
  #rsaKey: LeafKey | Promise<LeafKey> | null = null;

  /**
   * @param now  milliseconds since the epoch
   * @param ticketSecret  32 random octets, the same for all processes that serve the same clients
   */
  constructor(
    authority: CertificateAuthority,
    { lifetimeDays, contexts }: LeafOptions,
    now: () => number,
    ticketSecret: Uint8Array = randomBytes(32),
  ) {
    this.#authority = authority;
    this.#lifetimeMs = lifetimeDays * DAY_MS;
    this.#now = now;
    this.#ticketSecret = ticketSecret;
    this.#kept = new LRUCache({ max: contexts, dispose: (kept) => this.#retire(kept) });
    this.#ecKey = leafKey('ec', generateKeyPairSync('ec', { namedCurve: 'P-256' }));
  }

  /** How many are kept. */
  get size(): number {
    return this.#kept.size;
  }

  /**
   * For a host in canonical form, to begin a handshake with now: a second after it was replaced by others it serves no new one. Where the CA or the
   * leaf has an RSA key it takes a while, and whoever asks for the same one meanwhile waits for it, too.
   *
   * @throws (or rejects with) ProxyError as `issueLeaf`
   */
  contextFor(host: string, keyType: LeafKeyType = 'ec'): SecureContext | Promise<SecureContext> {
    // A blank is in no name.
    const id = keyType === 'ec' ? host : `rsa ${host}`;
    const kept = this.#kept.get(id);
    const nowMs = this.#now();
    if (kept !== undefined && nowMs < kept.renewAtMs) return kept.context;
    const pending = this.#pending.get(id);
    if (pending !== undefined) return pending;
    const made = this.#make(host, keyType, nowMs);
    if (!(made instanceof Promise)) return this.#keep(id, made);
    const promise = made.then((context) => this.#keep(id, context)).finally(() => this.#pending.delete(id));
    this.#pending.set(id, promise);
    return promise;
  }

  close(): void {
    this.#kept.clear();
  }

  /**
   * What a context holds outside of V8's heap is 30 KB, of which V8 knows nothing, so that its collector is in no hurry: a hundred thousand hosts
   * made the process ten times as large as its contexts. Connections keep what they need of one; who has only just asked for it has begun by then.
   */
  #retire({ context }: KeptContext): void {
    const nowMs = performance.now();
    this.#retired.push({ context, closeAtMs: nowMs + RETIREMENT_MS });
    while (this.#retired[0] !== undefined && this.#retired[0].closeAtMs <= nowMs) letGo(this.#retired.shift()!.context);
  }

  #keep(id: string, kept: KeptContext): SecureContext {
    this.#kept.set(id, kept);
    return kept.context;
  }

  #make(host: string, keyType: LeafKeyType, nowMs: number): KeptContext | Promise<KeptContext> {
    const key = keyType === 'ec' ? this.#ecKey : (this.#rsaKey ??= this.#makeRsaKey());
    return key instanceof Promise ? key.then((made) => this.#issue(host, made, nowMs)) : this.#issue(host, key, nowMs);
  }

  #issue(host: string, key: LeafKey, nowMs: number): KeptContext | Promise<KeptContext> {
    const leaf = issueLeaf(this.#authority, {
      host,
      publicKey: key.publicKey,
      serial: randomBytes(16),
      nowMs,
      lifetimeMs: this.#lifetimeMs,
    });
    return leaf instanceof Promise ? leaf.then((issued) => this.#context(host, key, issued, nowMs)) : this.#context(host, key, leaf, nowMs);
  }

  #context(host: string, { keyType, privateKey }: LeafKey, { certificate, notAfterMs }: Leaf, nowMs: number): KeptContext {
    const context = createSecureContext({
      key: privateKey,
      cert: pemOf(certificate) + this.#authority.sentChain,
      minVersion: 'TLSv1.2',
      ciphers: CIPHERS[keyType],
      ticketKeys: Buffer.from(hkdfSync('sha256', this.#ticketSecret, '', `sallyport ticket keys ${host}`, TICKET_KEYS_BYTES)),
    });
    return { context, renewAtMs: nowMs + ((notAfterMs - nowMs) * 2) / 3 };
  }

  /** Some tenths of a second of work, on another thread, and only once a client needs it. */
  async #makeRsaKey(): Promise<LeafKey> {
    const made = leafKey('rsa', await promisify(generateKeyPair)('rsa', { modulusLength: 2048 }));
    this.#rsaKey = made;
    return made;
  }
}

interface KeptContext {
  readonly context: SecureContext;
  readonly renewAtMs: number;
}

interface RetiredContext {
  readonly context: SecureContext;
  readonly closeAtMs: number;
}

interface LeafKey {
  readonly keyType: LeafKeyType;
  /** PEM, as a context takes it. */
  readonly privateKey: string;
  /** DER of the SubjectPublicKeyInfo. */
  readonly publicKey: Buffer;
}

function leafKey(
  keyType: LeafKeyType,
  { privateKey, publicKey }: { readonly privateKey: KeyObject; readonly publicKey: KeyObject },
): LeafKey {
  return {
    keyType,
    privateKey: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
    publicKey: publicKey.export({ type: 'spki', format: 'der' }),
  };
}

/** As Node does with a context that serves one connection: to begin a handshake with it is an error from now on, where it would end the process. */
function letGo(secureContext: SecureContext): void {
  secureContext.context.close();
  secureContext.context = null;
}

const TLS_1_3 = 'TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256';
/** For TLS 1.2 forward secrecy and authenticated encryption (RFC 9325 §4.2); those without ECDSA are old, so RSA has what they know besides. */
const CIPHERS: Readonly<Record<LeafKeyType, string>> = {
  ec: `${TLS_1_3}:ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-ECDSA-CHACHA20-POLY1305`,
  rsa: `${TLS_1_3}:ECDHE-RSA-AES128-GCM-SHA256:ECDHE-RSA-AES256-GCM-SHA384:ECDHE-RSA-CHACHA20-POLY1305:ECDHE-RSA-AES128-SHA:ECDHE-RSA-AES256-SHA`,
};
const RETIREMENT_MS = 1_000;
const DAY_MS = 86_400_000;
/** What Node takes: a name, an HMAC key and an AES key of 16 octets each. */
const TICKET_KEYS_BYTES = 48;
