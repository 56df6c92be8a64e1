// Owns what becomes of exchanges that have ended: they are counted, logged and recorded, and whoever asked to hear of them does. That waits until the event
// loop has done what there was to do, so nobody's response waits for it; and one after the other they run through code that lies in the processor's caches
// by then. Told between two requests each, a forwarded request costs some percent more.
import type { CacheCounts } from '../cache/cache-counts.ts';
import type { EmitFlow, Flow } from '../flows/flow.ts';
import type { AccessLog } from '../observe/access-log.ts';
import type { Metrics } from '../observe/metrics.ts';
import type { Recording } from './recording.ts';

/** Those that hear of them (lasting-parts.ts); the log is that of the moment. */
export interface Hearers {
  readonly cacheCounts: CacheCounts;
  readonly metrics: Metrics;
  readonly recording: Recording | null;
  readonly onFlow: EmitFlow | undefined;
  readonly parts: { readonly accessLog: AccessLog | null } | null;
}

export class EndedFlows {
  readonly #hearers: Hearers;
  #waiting: Flow[] = [];
  #spare: Flow[] = [];
  readonly #onImmediate = (): void => this.tell();

  constructor(hearers: Hearers) {
    this.#hearers = hearers;
  }

  add(flow: Flow): void {
    const waiting = this.#waiting.push(flow);
    if (waiting === 1) setImmediate(this.#onImmediate);
    else if (waiting === MOST_WAITING) this.tell();
  }

  /** Tells of all that have ended so far: before somebody counts, or a log is closed. */
  tell(): void {
    const flows = this.#waiting;
    this.#waiting = this.#spare;
    for (let i = 0; i < flows.length; i += 1) this.#tellOf(flows[i]!);
    flows.length = 0;
    this.#spare = flows;
  }

  #tellOf(flow: Flow): void {
    const { cacheCounts, metrics, recording, onFlow, parts } = this.#hearers;
    try {
      if (flow.cache !== null) cacheCounts.add(flow.cache, isOwnPage(flow) ? 0 : flow.contentToClient);
      parts?.accessLog?.write(flow);
      metrics.add(flow);
      recording?.recorder.finish(flow);
      onFlow?.(flow);
    } catch (defect) {
      // Told and counted as every defect is (defects.ts), but not here: there are others to tell of.
      queueMicrotask(() => {
        throw defect;
      });
    }
  }
}

/** Its content is neither an origin's nor the cache's. What fails midway has the status of the response that it was. */
function isOwnPage({ outcome, status, error }: Flow): boolean {
  return outcome === 'denied' || (outcome === 'failed' && status === error?.status);
}

/** What they hold stays in the cache of a core until it is told. */
const MOST_WAITING = 128;
