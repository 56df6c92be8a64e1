// Owns what stays through all reloads: what is counted, recorded and remembered of clients, the tunnels that are open, memory to read into; and which set
// of parts holds.
import { randomBytes } from 'node:crypto';
import { CacheCounts } from '../cache/cache-counts.ts';
import type { Config } from '../config/config.ts';
import type { Incoming } from '../exchange/exchange.ts';
import type { ExchangeHooks } from '../exchange/hooks.ts';
import { OpenTunnels } from '../exchange/open-tunnels.ts';
import { TrustingClients } from '../exchange/trusting-clients.ts';
import { UnderWay } from '../exchange/under-way.ts';
import { type EmitFlow, numberFlowsBy } from '../flows/flow.ts';
import { InterceptedConnections } from '../listeners/intercepted.ts';
import { Deadlines } from '../net/deadlines.ts';
import { Metrics } from '../observe/metrics.ts';
import type { Admit } from '../policy/limits/limits.ts';
import { Pinned } from '../tls/pinned.ts';
import { ReadBuffers } from '../upstream/read-buffers.ts';
import { type Admission, openAdmission } from './admission.ts';
import { EndedFlows } from './ended-flows.ts';
import { KeyLogs } from './origin-tls.ts';
import { NotedSockets } from './own-sockets.ts';
import type { Parts } from './parts.ts';
import type { Recording } from './recording.ts';
import type { Rewriting } from './rewriting.ts';
import { openRecording, openRewriting } from './seldom-needed.ts';
import type { SharedParts } from './shared-parts.ts';
import { createDateClock } from './this-machine.ts';

/** What whoever starts the proxy gives it beside its configuration. */
export interface Given {
  /** A line for the operator. */
  readonly report: (line: string) => void;
  readonly onFlow: EmitFlow | undefined;
  /** `null` for a proxy that no other program embeds. */
  readonly hooks: ExchangeHooks | null;
  /** `null` for a process that is all of the proxy. */
  readonly shared: SharedParts | null;
  /** `undefined` makes one. */
  readonly ticketSecret: Uint8Array | undefined;
}

export class LastingParts implements Given {
  readonly report: Given['report'];
  readonly onFlow: Given['onFlow'];
  readonly hooks: Given['hooks'];
  readonly shared: Given['shared'];
  readonly ticketSecret: Given['ticketSecret'];
  readonly nextConnectionId: () => number;
  /** In Via, where none is configured. */
  readonly madeName = `sallyport-${randomBytes(4).toString('hex')}`;
  /** For the field Date. */
  readonly date = createDateClock();
  readonly deadlines = new Deadlines();
  readonly buffers = new ReadBuffers('lossy');
  readonly tunnelBuffers = new ReadBuffers('lossless');
  readonly tunnels = new OpenTunnels();
  readonly underWay = new UnderWay();
  readonly intercepted = new InterceptedConnections(() => this.current.connection);
  readonly trusting = new TrustingClients();
  readonly pinned = new Pinned();
  readonly metrics = new Metrics();
  readonly cacheCounts = new CacheCounts();
  readonly ended = new EndedFlows(this);
  readonly keyLogs: KeyLogs;
  readonly ownSockets: NotedSockets;
  /** Everything that the policy was read from last. */
  policyFiles: readonly string[] = [];
  /** What holds: a reload swaps this one reference. `null` before the start and after the end. */
  parts: Parts | null = null;
  #admission: Admission | null = null;
  #recording: Recording | null = null;
  #rewriting: Rewriting | null = null;
  /** Where the process is all of the proxy. */
  #connections = 0;

  /** @throws StartError */
  static async open(config: Config, given: Given): Promise<LastingParts> {
    const lasting = new LastingParts(given);
    try {
      await lasting.#open(config);
      return lasting;
    } catch (error) {
      await lasting.close();
      throw error;
    }
  }

  private constructor({ report, onFlow, hooks, shared, ticketSecret }: Given) {
    this.report = report;
    this.onFlow = onFlow;
    this.hooks = hooks;
    this.shared = shared;
    this.ticketSecret = ticketSecret;
    this.nextConnectionId = shared?.nextId ?? (() => (this.#connections += 1));
    this.keyLogs = new KeyLogs(report);
    this.ownSockets = new NotedSockets(shared);
  }

  async #open(config: Config): Promise<void> {
    if (this.shared !== null) numberFlowsBy(this.shared.nextId);
    this.#admission = await openAdmission(config.stateFolder, this.shared, this.deadlines, this.report);
    this.#recording = await openRecording(config, this.shared, this.report);
    // A program that embeds the proxy changes what it likes itself.
    if (this.hooks === null) this.#rewriting = await openRewriting(config, this.report);
  }

  /** @throws an Error before the start and after the end */
  get current(): Parts {
    if (this.parts === null) throw new Error('the proxy has not been started');
    return this.parts;
  }

  /** Of what rules limit. */
  get admit(): Admit {
    return this.#admission!.admit;
  }

  /** `null` records nothing. */
  get recording(): Recording | null {
    return this.#recording;
  }

  /** `null` changes nothing. */
  get rewriting(): Rewriting | null {
    return this.#rewriting;
  }

  /** The same exchange, seen by what records it. */
  recorded(incoming: Incoming): Incoming {
    return this.#recording === null ? incoming : this.#recording.seen(incoming);
  }

  /** Nothing is under way any more. */
  async close(): Promise<void> {
    this.#rewriting?.close();
    // What workers still have to say is kept; what a worker has to say needs its link.
    if (this.shared?.role === 'keeper') await this.shared.close();
    await this.#recording?.close();
    if (this.shared?.role === 'worker') await this.shared.close();
    await this.#admission?.close();
    this.keyLogs.close();
    this.deadlines.close();
  }
}
