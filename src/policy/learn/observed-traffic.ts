// Owns the summary of a log that a policy is learned from: for each host and port the methods and path templates that were seen, how often, and how
// it ended. Its memory is bounded: a log may hold as many hosts and paths as whoever filled it liked.
import { normalisePath } from '../../http/path.ts';
import type { Question } from '../../match/question.ts';
import { isLoopbackAddress, parseIpAddress } from '../../net/ip-address.ts';
import { judgeAddress, type OwnSockets } from '../address-guard.ts';
import type { Recorded } from '../recorded.ts';
import { cutDeepest, pathTemplate } from './path-template.ts';

/** How requests to a site went. `private`: they pass only with `allow_private`. `unruly`: no rule can be written for them. */
export type Standing = Recorded['ending'] | 'private' | 'unruly';

/** A host and port, in one scheme and one standing. */
export interface Site {
  readonly standing: Standing;
  readonly scheme: Question['scheme'];
  readonly host: string;
  readonly port: number;
  readonly example: SeenRequest;
  /** Without private addresses, empty. */
  readonly privateAddresses: Set<string>;
  /** Which rule denied, or why no rule can be written; in the words of the first that was seen. */
  readonly because: string | null;
  /** Of tunnels: every one of them was opened. */
  isOpened: boolean;
  count: number;
  /** By template; none for tunnels. */
  paths: Map<string, SeenPath>;
}

export interface SeenPath {
  readonly methods: Set<string>;
  readonly example: SeenRequest;
  count: number;
}

/** Without its query, which may hold secrets and which no learned rule asks about. */
export type SeenRequest = Pick<Question, 'method' | 'scheme' | 'host' | 'port' | 'pathAndQuery'>;

export class ObservedTraffic {
  readonly #sites = new Map<string, Site>();
  #paths = 0;
  count = 0;
  /** Requests to sites beyond those that are kept. */
  beyond = 0;
  firstMs = Number.POSITIVE_INFINITY;
  lastMs = Number.NEGATIVE_INFINITY;

  /** In the order in which they were first seen. */
  get sites(): readonly Site[] {
    return [...this.#sites.values()];
  }

  add(recorded: Recorded): void {
    const { question } = recorded;
    this.count += 1;
    this.firstMs = Math.min(this.firstMs, question.nowMs);
    this.lastMs = Math.max(this.lastMs, question.nowMs);
    const site = this.#siteOf(recorded);
    if (site === undefined) {
      this.beyond += 1;
      return;
    }
    site.count += 1;
    site.isOpened &&= recorded.isOpened;
    if (site.standing === 'private') for (const address of recorded.addresses) site.privateAddresses.add(address);
    if (question.pathAndQuery !== null && site.standing !== 'unruly') this.#addPath(site, question);
  }

  #siteOf(recorded: Recorded): Site | undefined {
    const { scheme, host, port } = recorded.question;
    const unruly = unrulyBecause(recorded.question);
    const standing = unruly === null ? standingOf(recorded) : 'unruly';
    const key = `${unruly ?? standing} ${scheme} ${host} ${port}`;
    const known = this.#sites.get(key);
    if (known !== undefined || this.#sites.size >= MOST_SITES) return known;
    const example = seen(recorded.question);
    const because = unruly ?? recorded.deniedBy;
    const { isOpened } = recorded;
    const site: Site = {
      standing,
      scheme,
      host,
      port,
      example,
      privateAddresses: new Set(),
      because,
      isOpened,
      count: 0,
      paths: new Map(),
    };
    this.#sites.set(key, site);
    return site;
  }

  #addPath(site: Site, question: Question): void {
    const example = seen(question);
    const template = this.#paths >= MOST_PATHS ? '/*' : pathTemplate(example.pathAndQuery ?? '');
    const path = site.paths.get(template);
    if (path !== undefined) {
      path.methods.add(question.method);
      path.count += 1;
      return;
    }
    site.paths.set(template, { methods: new Set([question.method]), example, count: 1 });
    this.#paths += 1;
    if (site.paths.size <= MOST_PATHS_OF_SITE) return;
    site.paths = reducedTo(site.paths, MOST_PATHS_OF_SITE / 2);
    this.#paths -= MOST_PATHS_OF_SITE - site.paths.size;
  }
}

/** The same traffic under at most so many templates, or under as few as there can be. */
export function reducedTo(paths: ReadonlyMap<string, SeenPath>, most: number): Map<string, SeenPath> {
  let reduced = new Map(paths);
  while (reduced.size > most) {
    const cuts = cutDeepest(reduced.keys());
    if (cuts === null) return reduced;
    const next = new Map<string, SeenPath>();
    for (const [template, path] of reduced) addPath(next, cuts.get(template) ?? template, path);
    reduced = next;
  }
  return reduced;
}

export function addPath(paths: Map<string, SeenPath>, template: string, { methods, example, count }: SeenPath): void {
  const known = paths.get(template);
  if (known === undefined) paths.set(template, { methods: new Set(methods), example, count });
  else {
    for (const method of methods) known.methods.add(method);
    known.count += count;
  }
}

function seen({ method, scheme, host, port, pathAndQuery }: Question): SeenRequest {
  return { method, scheme, host, port, pathAndQuery: pathAndQuery === null ? null : normalisePath(pathAndQuery).path };
}

function standingOf({ ending, question, addresses, clientAddress }: Recorded): Standing {
  if (ending !== 'passed') return ending;
  // The client of a Unix socket has no address.
  const isLocalClient = isLoopbackAddress(clientAddress) || parseIpAddress(clientAddress) === null;
  const guard = { isLocalClient, allowPrivate: 'none', addresses: null } as const;
  return addresses.every((address) => judgeAddress(address, question.port, guard, NO_SOCKETS).allowed) ? ending : 'private';
}

/** @returns a few words, or `null` */
function unrulyBecause({ method, pathAndQuery }: Question): string | null {
  if (!/^[A-Z][A-Z0-9_-]*$/.test(method)) return 'the method is an unusual one';
  const normalised = pathAndQuery === null ? null : normalisePath(pathAndQuery);
  return normalised === null || normalised.isUsable ? null : `the path ${normalised.problem}`;
}

const NO_SOCKETS: OwnSockets = { has: () => false };
const MOST_SITES = 20_000;
const MOST_PATHS = 200_000;
const MOST_PATHS_OF_SITE = 64;
