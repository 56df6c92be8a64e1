// Owns the reading of what wrk prints: text in, counts out.

export interface WrkResult {
  readonly requests: number;
  readonly seconds: number;
  /** Answers whose status is neither 2xx nor 3xx, and connections that failed. */
  readonly errors: number;
}

/** @returns `null` when the text does not end in wrk's summary */
export function parseWrkOutput(text: string): WrkResult | null {
  const summary = /(\d+) requests in ([\d.]+)(us|ms|s|m|h),/.exec(text);
  if (summary === null) return null;
  const [, requests, duration, unit] = summary;
  const refused = /Non-2xx or 3xx responses: (\d+)/.exec(text);
  const failed = /Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)/.exec(text);
  return {
    requests: Number(requests),
    seconds: Number(duration) * SECONDS[unit as keyof typeof SECONDS],
    errors: [...(refused?.slice(1) ?? []), ...(failed?.slice(1) ?? [])].reduce((sum, count) => sum + Number(count), 0),
  };
}

const SECONDS = { us: 1e-6, ms: 1e-3, s: 1, m: 60, h: 3_600 };
