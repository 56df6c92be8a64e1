// Owns the joint between the proxy and the record of what passes: the store's thread, what feeds it, and which policy each decision belongs to. It stays
// over reloads, as exchanges that are under way do.
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import path from 'node:path';
import { pipeline } from 'node:stream/promises';
import type { Incoming } from '../exchange/exchange.ts';
import { recordExchange } from '../exchange/record-exchange.ts';
import type { RecordOptions } from '../flows/options.ts';
import { Recorder } from '../flows/recorder.ts';
import { maskRules } from '../flows/redact/rules.ts';
import { maskContent, unwrittenBy } from '../flows/redact.ts';
import type { UnwrittenSecrets } from '../flows/redact-fields.ts';
import { type FlowStore, openFlowStore } from '../flows/store/flow-store.ts';
import type { Policy } from '../policy/policy.ts';
import type { SharedParts } from './shared-parts.ts';

export class Recording {
  readonly store: FlowStore;
  readonly recorder: Recorder;
  readonly #digests = new WeakMap<object, string>();
  #policyDigest = '';

  /**
   * @param shared where the process is one of several: the keeper shares its store, and workers have that one
   * @returns `null` for a worker whose keeper records nothing
   * @throws StartError when nothing can be kept in the folder
   */
  static async open(
    options: RecordOptions,
    stateFolder: string,
    shared: SharedParts | null,
    report: (line: string) => void,
  ): Promise<Recording | null> {
    if (shared?.role === 'worker') return shared.store === null ? null : new Recording(shared.store, options, report);
    const { session, maxBytes, maxAgeMs } = options;
    const store = await openFlowStore({ folder: path.join(stateFolder, 'sessions'), session, maxBytes, maxAgeMs }, report);
    return new Recording(shared?.shareStore(store) ?? store, options, report);
  }

  private constructor(store: FlowStore, { bodyLimit, secrets, redact }: RecordOptions, report: (line: string) => void) {
    this.store = store;
    const policyDigestOf = (decider: object): string => this.#digests.get(decider) ?? this.#policyDigest;
    const unwritten = secrets === 'unwritten' ? unwrittenSecrets(redact) : null;
    this.recorder = new Recorder(store, { bodyLimit, unwritten, policyDigestOf, report });
  }

  /** The same exchange, seen by what records it. */
  seen(incoming: Incoming): Incoming {
    // Nobody has given it a number by which it could be found.
    if (incoming.flow.id < 0) {
      this.recorder.dropped.exchanges += 1;
      return incoming;
    }
    return recordExchange(incoming, this.recorder);
  }

  /** SHA-256 of the files of the policy that was loaded last, in hexadecimal; a decision of another one has another. */
  get policyDigest(): string {
    return this.#policyDigest;
  }

  /** @param files that it was read from; one that is gone by now counts as empty */
  async policyHolds({ rules, defaultPosition, connectPortsPosition }: Policy, files: readonly string[]): Promise<void> {
    const all = createHash('sha256');
    for (const file of files) {
      const content = createHash('sha256');
      await pipeline(createReadStream(file), content).catch(() => {});
      all.update(`${file}\0${content.digest('hex')}\n`);
    }
    this.#policyDigest = all.digest('hex');
    for (const decider of [...rules, defaultPosition, connectPortsPosition]) this.#digests.set(decider, this.#policyDigest);
  }

  /** Ends when everything that was recorded is written. */
  async close(): Promise<void> {
    this.recorder.close();
    await this.store.close();
  }
}

function unwrittenSecrets(redact: RecordOptions['redact']): UnwrittenSecrets {
  const rules = maskRules(redact);
  return { ...unwrittenBy(rules), maskedContent: (octets, contentType) => maskContent(octets, contentType, rules) };
}
