// Owns what the end of a program means: whether it trusts our certificate. That it has the token shows that it does; where it has not, what the proxy
// heard of it decides. What the program said of it is kept for whoever wants to know more.
import type { Flow } from '../flows/flow.ts';

export type Verdict = 'trusted' | 'not trusted' | 'does not use the proxy' | 'could not run';

export interface Finding {
  readonly verdict: Verdict;
  /** What the program or the proxy said of it, in a line; empty when all is well. */
  readonly detail: string;
}

/** How a program ended. */
export interface Ended {
  readonly code: number | null;
  /** Both streams. */
  readonly output: string;
  /** Why there is nothing to judge by; `null` where there is. */
  readonly problem: string | null;
}

export function hasFetched({ code, output }: Ended, token: string): boolean {
  return code === 0 && output.includes(token);
}

/** @param token  of the page @param flows  what the proxy has finished for the program, with the page's host alone */
export function findingOf(ended: Ended, token: string, flows: readonly Pick<Flow, 'connectId' | 'error'>[]): Finding {
  if (hasFetched(ended, token)) return { verdict: 'trusted', detail: '' };
  const said = tellingLine(ended.output);
  if (ended.problem !== null) return { verdict: 'could not run', detail: ended.problem };
  if (flows.length === 0) return { verdict: 'does not use the proxy', detail: said };
  // Something was asked inside of the tunnel, or the proxy itself failed: then it is not for our certificate.
  const error = flows.find((flow) => flow.error !== null)?.error ?? null;
  if (error !== null || flows.some(({ connectId }) => connectId !== null))
    return { verdict: 'could not run', detail: error?.message ?? said };
  return { verdict: 'not trusted', detail: said };
}

/** The last line that speaks of certificates, else the last. */
function tellingLine(output: string): string {
  const lines = output.split('\n').flatMap((line) => line.trim() || []);
  return lines.findLast((line) => /certificate|certification path|\bSSL\b|\bTLS\b/i.test(line)) ?? lines.at(-1) ?? '';
}
