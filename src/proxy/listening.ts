// Owns the listeners of the proxy: those that take connections in, and those that a reload has dropped while connections of theirs are not done yet.
import { formatListenAddress } from '../config/listen-address.ts';
import { errorCode } from '../errors/from-node.ts';
import { cannotListen, StartError } from '../errors/start-error.ts';
import { DescriptorShortage } from '../listeners/descriptor-shortage.ts';
import { ConnectionCounts, HttpListener, type HttpListenerContext } from '../listeners/http.ts';
import { type HandedSocket, isSameSocket, type ListenAddress } from '../listeners/listener.ts';
import { countOpenDescriptors } from '../net/open-descriptors.ts';
import type { ListeningSocket } from '../policy/address-guard.ts';
import type { LastingParts } from './lasting-parts.ts';
import { mostDescriptors } from './this-machine.ts';

export class Listening {
  readonly #lasting: LastingParts;
  readonly #context: HttpListenerContext;
  readonly #handed: HandedSocket | null;
  readonly #adminSocket: () => ListeningSocket | null;
  #listeners: readonly HttpListener[] = [];
  /** Dropped by a reload, with connections that are not done yet. */
  #leaving: readonly HttpListener[] = [];

  /**
   * @param handed sockets that another process has bound; `null` binds them here
   * @param adminSocket the address on which the admin API is served at the moment
   */
  constructor(lasting: LastingParts, handed: HandedSocket | null, adminSocket: () => ListeningSocket | null) {
    this.#lasting = lasting;
    this.#handed = handed;
    this.#adminSocket = adminSocket;
    const counts = new ConnectionCounts();
    const most = mostDescriptors();
    this.#context = {
      connectionContext: () => lasting.current.connection,
      counts,
      nextConnectionId: lasting.nextConnectionId,
      shortage: new DescriptorShortage({
        most,
        countOpen: () => countOpenDescriptors(most),
        connections: () => counts.total,
        makeRoom: () => this.#makeRoom(),
        report: lasting.report,
      }),
    };
  }

  /** Where it listens, with the ports that the system chose for 0. */
  get addresses(): readonly { readonly address: ListenAddress; readonly url: string }[] {
    return this.#listeners.map((listener) => {
      const { address, bound } = listener;
      if (address.kind === 'unix' || bound === null) return { address, url: formatListenAddress(address) };
      return { address, url: `http://${formatListenAddress({ ...address, port: bound.port })}` };
    });
  }

  get openConnections(): number {
    return this.#all.reduce((sum, { openConnections }) => sum + openConnections, 0);
  }

  /** What becomes of newcomers while descriptors are short. */
  get shortage(): DescriptorShortage {
    return this.#context.shortage;
  }

  /**
   * Opens what is wanted and not open yet; `replaceBy` takes the result.
   *
   * @throws StartError for the first that cannot be opened, and closes those that were opened before it
   */
  async open(wanted: readonly ListenAddress[]): Promise<readonly HttpListener[]> {
    // Clients come to workers alone.
    if (this.#lasting.shared?.role === 'keeper') return [];
    const opened: HttpListener[] = [];
    const all: HttpListener[] = [];
    for (const address of wanted) {
      const existing = this.#listeners.find((listener) => isSameSocket(listener.address, address) && !all.includes(listener));
      if (existing !== undefined) {
        all.push(existing);
        continue;
      }
      try {
        const listener = await HttpListener.listen(address, this.#context, this.#handed?.(address) ?? null);
        opened.push(listener);
        all.push(listener);
        // At once: it may be asked for before the next one listens.
        this.#note([...this.#listeners, ...opened]);
      } catch (error) {
        for (const listener of opened) listener.close();
        this.#note(this.#listeners);
        throw this.#overlap(address, error) ?? cannotListen(formatListenAddress(address), error);
      }
    }
    // Only now: a refused reload changes neither names nor who is asked for credentials.
    for (const [index, listener] of all.entries()) listener.rename(wanted[index]!);
    return all;
  }

  /** From now on these are it; the others finish what they have. */
  replaceBy(listeners: readonly HttpListener[]): void {
    const dropped = this.#listeners.filter((listener) => !listeners.includes(listener));
    this.#listeners = listeners;
    this.#note(listeners);
    for (const listener of dropped) listener.drain();
    this.#leaving = [...this.#leaving, ...dropped].filter(({ openConnections }) => openConnections > 0);
  }

  drain(patienceMs: number): void {
    for (const listener of this.#listeners) listener.drain(patienceMs);
  }

  close(): void {
    for (const listener of this.#all) listener.close();
  }

  /** What to say where a socket of ours is in the way: to be closed for one that may still fail is no way to keep what holds. */
  #overlap(address: ListenAddress, error: unknown): StartError | null {
    if (address.kind !== 'tcp' || errorCode(error) !== 'EADDRINUSE') return null;
    const ours = this.#listeners.map(({ bound }) => bound).find((bound) => bound?.port === address.port);
    if (!ours || !(isAny(ours.host) || isAny(address.host))) return null;
    const where = `${formatListenAddress(address)} ${isAny(address.host) ? 'takes in' : 'is part of'} ${formatListenAddress({ kind: 'tcp', ...ours })}`;
    return new StartError('unavailable', [`${where}, where this proxy listens. Stop it and start it anew to change one for the other.`], {
      cause: error,
    });
  }

  get #all(): readonly HttpListener[] {
    return [...this.#listeners, ...this.#leaving];
  }

  #note(listeners: readonly HttpListener[]): void {
    const sockets = [...listeners.map((listener) => listener.bound), this.#adminSocket()];
    this.#lasting.ownSockets.note(sockets.filter((socket) => socket !== null));
  }

  #makeRoom(): number {
    const { intercepted, parts } = this.#lasting;
    const clients = this.#all.reduce((sum, listener) => sum + listener.letGoOfIdle(), 0);
    return clients + intercepted.letGoOfIdle() + (parts?.pool.letGo() ?? 0);
  }
}

/** Whether it stands for all addresses of the machine. */
function isAny(host: string): boolean {
  return host === '0.0.0.0' || host === '::';
}
