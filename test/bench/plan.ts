// Owns what is measured: the workloads with their units and goals, the peers, and the shape of one measurement.

export const WORKLOADS = {
  forward: { unit: 'us/request', goal: 0.45, text: 'GET of 1 KiB in absolute-form, 64 kept connections' },
  connect: { unit: 'us/tunnel', goal: 1.1, text: 'connect, CONNECT, one small GET through the tunnel, close; 32 at a time' },
  'bulk-1': { unit: 's/GiB', goal: 0.75, text: 'download through one tunnel' },
  'bulk-16': { unit: 's/GiB', goal: 0.95, text: 'download through 16 tunnels' },
  'upload-1': { unit: 's/GiB', goal: null, text: 'upload through one tunnel' },
  'upload-16': { unit: 's/GiB', goal: null, text: 'upload through 16 tunnels' },
  idle: { unit: 'KiB/tunnel', goal: 0.4, text: 'memory of 2,000 more tunnels that say nothing' },
} as const satisfies Record<string, WorkloadFacts>;

interface WorkloadFacts {
  /** Of the cost: CPU time of the proxy's process tree for an operation, or its memory. Less is better. */
  readonly unit: 'us/request' | 'us/tunnel' | 's/GiB' | 'KiB/tunnel';
  /** The ratio to Squid's cost that Sallyport is meant to reach; `null` where it is measured and stated only. */
  readonly goal: number | null;
  readonly text: string;
}

export type WorkloadName = keyof typeof WORKLOADS;
export const WORKLOAD_NAMES = Object.keys(WORKLOADS) as WorkloadName[];

/** `floor` is the least that a proxy in Node must do, see floor-proxy.ts. */
export const PEER_NAMES = ['sallyport', 'squid', 'floor'] as const;
export type PeerName = (typeof PEER_NAMES)[number];

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
  /** CPU seconds a second: well below 1 means that the load side was the limit, and the rate tells nothing. */
  readonly busy: number;
  /** Memory of the process tree after the load (proportional set size: shared pages are divided among who shares them). */
  readonly memoryMiB: number;
  readonly errors: number;
  readonly firstError: string | null;
}
