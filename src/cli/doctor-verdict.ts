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

/**
 * @param token  of the page
 * @param flows  what the proxy has finished for the program, with the page's host alone
 * @param runs  whether the program does anything at all: a launcher may have nothing to launch, as rustup's without a toolchain
 */
export function findingOf(ended: Ended, token: string, flows: readonly Pick<Flow, 'connectId' | 'error'>[], runs: boolean): Finding {
  if (hasFetched(ended, token)) return { verdict: 'trusted', detail: '' };
  const said = tellingLine(ended.output);
  if (ended.problem !== null) return { verdict: 'could not run', detail: ended.problem };
  if (flows.length === 0 && (!runs || ended.code === null)) return { verdict: 'could not run', detail: complaint(ended.output) };
  if (flows.length === 0) return { verdict: 'does not use the proxy', detail: said };
  // Something was asked inside of the tunnel, or the proxy itself failed: then it is not for our certificate.
  const error = flows.find((flow) => flow.error !== null)?.error ?? null;
  if (error !== null || flows.some(({ connectId }) => connectId !== null))
    return { verdict: 'could not run', detail: error?.message ?? said };
  return { verdict: 'not trusted', detail: said };
}

/** The first line that speaks of an error, else the first: what comes behind is advice, or a trace. */
function complaint(output: string): string {
  const lines = output.split('\n').flatMap((line) => line.trim() || []);
  return lines.find((line) => /error|not found|cannot|could not/i.test(line)) ?? lines[0] ?? 'it ended without a word';
}

/** The last line that speaks of certificates, else the last. */
function tellingLine(output: string): string {
  const lines = output.split('\n').flatMap((line) => line.trim() || []);
  return lines.findLast((line) => /certificate|certification path|\bSSL\b|\bTLS\b/i.test(line)) ?? lines.at(-1) ?? '';
}
