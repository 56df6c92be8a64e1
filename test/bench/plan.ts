// Owns what is measured: the workloads with their units and goals, the peers, and the shape of one measurement. Where a goal has been tightened since it was
// first set, the first one stays beside it: `goals` is what is asked now, `firstGoals` what was asked before.

const STORING = ['sallyport', 'squid', 'ats'] as const;
/** `floor` is the least that a proxy in Node must do, see floor-proxy.ts; what it stores it keeps in memory. */
const PASSING = [...STORING, 'floor'] as const;
/** `squid-bump` looks at the hello, opens the origin's TLS and then the client's; `squid-bump-first` opens the client's without a look. */
const BUMPING = ['sallyport', 'squid-bump', 'squid-bump-first'] as const;
/** Squid that looks at the hello takes no session up again. */
const RESUMING = ['sallyport', 'squid-bump-first', 'mitmproxy', 'floor'] as const;
const OPENING = [...BUMPING, 'mitmproxy', 'floor'] as const;

export const WORKLOADS = {
  forward: {
    unit: 'us/request',
    cache: null,
    goals: { squid: 0.35, ats: 0.8 },
    firstGoals: { squid: 0.45 },
    peers: PASSING,
    text: 'GET of 1 KiB in absolute-form that nobody may store, 64 kept connections',
  },
  'forward-recorded': {
    unit: 'us/request',
    cache: null,
    goals: { forward: 1.4 },
    isRecorded: true,
    peers: ['sallyport'],
    text: 'as forward, recorded on disk with up to 64 KiB of each content',
  },
  'forward-corporate': {
    unit: 'us/request',
    cache: null,
    goals: { squid: 0.35, ats: 0.8 },
    isCorporate: true,
    peers: STORING,
    text: 'as forward, under `policies/corporate.yaml`, from a user whose password is checked; others ask for none',
  },
  'forward-workers': {
    unit: 'us/request',
    cache: null,
    goals: { forward: 1.1 },
    speedUp: { of: 'forward', least: 1.8 },
    workers: 2,
    peers: ['sallyport'],
    text: 'as forward, by two workers',
  },
  'forward-workers-4': {
    unit: 'us/request',
    cache: null,
    goals: {},
    workers: 4,
    peers: ['sallyport'],
    text: 'as forward, by four workers',
  },
  'forward-p99': {
    unit: 'ms',
    cache: null,
    goals: { squid: 1 },
    isAtHalfLoad: true,
    peers: STORING,
    text: 'how long all but 1 of 100 answers take at most, at half of the rate that Squid reaches at most',
  },
  'hit-1k': {
    unit: 'us/request',
    cache: 'memory',
    goals: { squid: 0.35, ats: 0.95 },
    firstGoals: { squid: 0.45, ats: 1.1 },
    peers: PASSING,
    text: 'GET of 1 KiB, answered out of memory',
  },
  'hit-1k-corporate': {
    unit: 'us/request',
    cache: 'memory',
    goals: { squid: 0.35, ats: 0.95 },
    isCorporate: true,
    peers: STORING,
    text: 'as hit-1k, under `policies/corporate.yaml`, from a user whose password is checked; others ask for none',
  },
  'hit-1k-recorded': {
    unit: 'us/request',
    cache: 'memory',
    goals: {},
    isRecorded: true,
    peers: ['sallyport'],
    text: 'as hit-1k, recorded',
  },
  'hit-1k-workers': {
    unit: 'us/request',
    cache: 'memory',
    goals: { 'hit-1k': 1.1 },
    workers: 2,
    peers: ['sallyport'],
    text: 'as hit-1k, by two workers',
  },
  'hit-1k-listed': {
    unit: 'us/request',
    cache: 'memory',
    goals: {},
    listedNames: 1_000_000,
    peers: ['sallyport', 'squid'],
    text: 'as hit-1k, under a policy that first denies a list of 1,000,000 names (Squid: dstdomain)',
  },
  'hit-64k': {
    unit: 'us/request',
    cache: 'memory',
    goals: { squid: 0.17, ats: 1 },
    firstGoals: { squid: 0.2, ats: 1.2 },
    peers: PASSING,
    text: 'GET of 64 KiB, answered out of memory',
  },
  'disk-hit-64k': {
    unit: 'us/request',
    cache: 'disk',
    goals: { squid: 0.8 },
    peers: STORING,
    text: 'GET of 64 KiB, answered out of files: 1,024 URLs in turn, no peer has a memory tier',
  },
  'miss-store': {
    unit: 'us/request',
    cache: 'both',
    goals: { forward: 1.3 },
    peers: STORING,
    text: 'GET of 1 KiB that is stored, every request of another URL',
  },
  'miss-store-workers': {
    unit: 'us/request',
    cache: 'both',
    goals: { 'miss-store': 1.1 },
    workers: 2,
    peers: ['sallyport'],
    text: 'as miss-store, by two workers with one cache',
  },
  connect: {
    unit: 'us/tunnel',
    cache: null,
    goals: { squid: 1 },
    firstGoals: { squid: 1.1 },
    peers: PASSING,
    text: 'connect, CONNECT, one small GET through the tunnel, close; 32 at a time',
  },
  'connect-recorded': {
    unit: 'us/tunnel',
    cache: null,
    goals: {},
    isRecorded: true,
    peers: ['sallyport'],
    text: 'as connect, recorded',
  },
  'bulk-1': {
    unit: 's/GiB',
    cache: null,
    goals: { squid: 0.65 },
    firstGoals: { squid: 0.75 },
    peers: PASSING,
    text: 'download through one tunnel',
  },
  'bulk-16': {
    unit: 's/GiB',
    cache: null,
    goals: { squid: 0.9 },
    firstGoals: { squid: 0.95 },
    peers: PASSING,
    text: 'download through 16 tunnels',
  },
  'upload-1': { unit: 's/GiB', cache: null, goals: {}, peers: PASSING, text: 'upload through one tunnel' },
  'upload-16': { unit: 's/GiB', cache: null, goals: {}, peers: PASSING, text: 'upload through 16 tunnels' },
  start: { unit: 'MiB', cache: null, goals: {}, budget: 80, peers: PASSING, text: 'memory of the whole process after its first exchange' },
  'idle-client': {
    unit: 'KiB/connection',
    cache: null,
    goals: {},
    budget: 12,
    peers: PASSING,
    text: 'memory of 2,000 more kept connections of clients that have asked once',
  },
  idle: {
    unit: 'KiB/tunnel',
    cache: null,
    goals: { squid: 0.4 },
    budget: 12,
    peers: PASSING,
    text: 'memory of 2,000 more tunnels that say nothing',
  },
  'stored-memory': {
    unit: 'octets/response',
    cache: 'memory',
    goals: {},
    budget: 2_200,
    peers: ['sallyport', 'squid'],
    text: 'memory of 30,000 more stored responses of 1 KiB, content included',
  },
  'stored-disk': {
    unit: 'octets/response',
    cache: 'disk',
    goals: {},
    budget: 150,
    peers: ['sallyport', 'squid'],
    text: 'memory of 100,000 more that are stored in files alone',
  },
  'recorded-memory': {
    unit: 'octets/exchange',
    cache: null,
    goals: {},
    budget: 150,
    isRecorded: true,
    peers: ['sallyport'],
    text: 'memory of 100,000 more exchanges that are recorded',
  },
  'tls-handshake': {
    unit: 'us/tunnel',
    cache: null,
    goals: { 'squid-bump': 0.3, 'squid-bump-first': 1.1 },
    firstGoals: { 'squid-bump': 0.35 },
    peers: OPENING,
    text: 'opened TLS: CONNECT, a full TLS 1.3 handshake, one GET of 1 KiB, close; 8 at a time, one host',
  },
  'tls-resumed': {
    unit: 'us/tunnel',
    cache: null,
    goals: {},
    peers: RESUMING,
    text: 'as tls-handshake, every handshake resuming a session',
  },
  'tls-newhost': {
    unit: 'us/tunnel',
    cache: null,
    goals: { 'squid-bump': 0.8 },
    peers: BUMPING,
    text: 'as tls-handshake, one at a time, every one to a host that was never seen',
  },
  'tls-keepalive': {
    unit: 'us/request',
    cache: null,
    goals: { 'squid-bump': 0.5 },
    firstGoals: { 'squid-bump': 0.6 },
    peers: OPENING,
    text: 'opened TLS: GET of 1 KiB, 16 kept connections',
  },
  'h2-keepalive': {
    unit: 'us/request',
    cache: null,
    goals: {},
    peers: ['sallyport', 'mitmproxy'],
    text: 'opened TLS: GET of 1 KiB over HTTP/2 to both sides, 4 kept connections with 16 streams each',
  },
} as const satisfies Record<string, WorkloadFacts>;

export interface WorkloadFacts {
  /** Of the cost: CPU time of the proxy's process tree for an operation, its memory, or how long an answer takes. Less is better. */
  readonly unit: Unit;
  /** Where the responses are kept that the workload is about; `null` where nothing is stored. */
  readonly cache: 'memory' | 'disk' | 'both' | null;
  /** The most that Sallyport's cost may be, as ratios to the costs of what is named; empty where it is measured and stated only. */
  readonly goals: Readonly<Partial<Record<GoalBase, number>>>;
  /** What those were at first, where they are other ones now. */
  readonly firstGoals?: Readonly<Partial<Record<GoalBase, number>>>;
  /** The most that Sallyport's cost itself may be. */
  readonly budget?: number;
  /** How many times the rate of that workload it must reach, where each worker has a core and the load does too. */
  readonly speedUp?: { readonly of: OwnBase; readonly least: number };
  /** Processes of the proxy that serve; one unless told. */
  readonly workers?: number;
  /** What passes is recorded meanwhile. */
  readonly isRecorded?: true;
  /** The policy is the company's, and requests say who they are from. */
  readonly isCorporate?: true;
  /** The policy denies a list of so many names before it asks anything else. */
  readonly listedNames?: number;
  /** Requests come at a fixed rate, half of the most that Squid reaches. */
  readonly isAtHalfLoad?: true;
  readonly peers: readonly PeerName[];
  readonly text: string;
}

export type Unit = 'us/request' | 'us/tunnel' | 's/GiB' | 'ms' | MemoryUnit;
export type MemoryUnit = (typeof MEMORY_UNITS)[number];
export const MEMORY_UNITS = ['KiB/tunnel', 'KiB/connection', 'MiB', 'octets/response', 'octets/exchange'] as const;

/** Another peer at the same workload, or Sallyport itself at a plainer one. */
export type GoalBase = Exclude<PeerName, 'sallyport' | 'floor' | 'mitmproxy'> | OwnBase;
export const OWN_BASES = ['forward', 'hit-1k', 'miss-store'] as const;
export type OwnBase = (typeof OWN_BASES)[number];

/** Whom the others are compared with. */
export type RatioBase = Exclude<PeerName, 'sallyport'>;

export type WorkloadName = keyof typeof WORKLOADS;
export const WORKLOAD_NAMES = Object.keys(WORKLOADS) as WorkloadName[];

/** `ats` is Apache Traffic Server. */
export const PEER_NAMES = ['sallyport', 'squid', 'ats', 'squid-bump', 'squid-bump-first', 'mitmproxy', 'floor'] as const;
export type PeerName = (typeof PEER_NAMES)[number];

export function factsOf(workload: WorkloadName): WorkloadFacts {
  return WORKLOADS[workload];
}

export function canRun(peer: PeerName, workload: WorkloadName): boolean {
  return factsOf(workload).peers.includes(peer);
}

/** Whether it is about TLS that the proxy opens. */
export function opensTls(workload: WorkloadName): boolean {
  return OPENING_TLS.some((name) => name === workload);
}

/** Whether the cost is memory. */
export function isAboutMemory(workload: WorkloadName): boolean {
  const { unit } = factsOf(workload);
  return MEMORY_UNITS.some((memory) => memory === unit);
}

const OPENING_TLS = [
  'tls-handshake',
  'tls-resumed',
  'tls-newhost',
  'tls-keepalive',
  'h2-keepalive',
] as const satisfies readonly WorkloadName[];

export interface Measurement {
  /** Counted from 1. */
  readonly round: number;
  readonly workload: WorkloadName;
  readonly peer: PeerName;
  /** In the workload's unit. */
  readonly cost: number;
  /** Requests, tunnels or octets, by the workload. */
  readonly operations: number;
  readonly seconds: number;
  /** How long it was asked before, where that is not counted in requests; a run kept before that could be chosen does not say. */
  readonly warmUpSeconds?: number;
  /** CPU seconds a second: well below 1 means that the load side was the limit, and the rate tells nothing. */
  readonly busy: number;
  /** Memory of the process tree after the load (proportional set size: shared pages are divided among who shares them). */
  readonly memoryMiB: number;
  /** The share of the requests that were answered without the origin; `null` where nothing is stored. */
  readonly hitRatio: number | null;
  /** Half of the answers took no longer, in milliseconds; `null` where the cost is not how long they take. */
  readonly p50Ms: number | null;
  /** How many cores the proxy had to itself; `null` where nothing is pinned. */
  readonly cores: number | null;
  readonly errors: number;
  readonly firstError: string | null;
}
