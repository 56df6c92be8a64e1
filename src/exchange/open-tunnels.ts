// Owns the tunnels that are open: what stops them with the proxy, and what judges them again when the policy has changed. A tunnel may stay open for
// days, so a rule that closes a destination has to reach those as well.
import type { Flow } from '../flows/flow.ts';
import { type Linked, LinkedSet } from '../net/linked-set.ts';
import type { Decision } from '../policy/policy.ts';
import type { Relay } from '../tunnel/relay.ts';

export class OpenTunnel implements Linked<OpenTunnel> {
  previous: OpenTunnel | null = null;
  next: OpenTunnel | null = null;
  readonly relay: Relay;
  readonly flow: Flow;

  constructor(relay: Relay, flow: Flow) {
    this.relay = relay;
    this.flow = flow;
  }
}

export class OpenTunnels {
  readonly #tunnels = new LinkedSet<OpenTunnel>();
  #judge: Judge | null = null;
  #judgedFromMs = 0;

  /** One that was asked for under a policy that has been replaced since, while its client was slow to speak or its other end to answer, is judged now. */
  add(tunnel: OpenTunnel): void {
    this.#tunnels.add(tunnel);
    if (this.#judge !== null && tunnel.flow.startedMs < this.#judgedFromMs) stopIfDenied(tunnel, this.#judge);
  }

  delete(tunnel: OpenTunnel): void {
    this.#tunnels.delete(tunnel);
  }

  /** From now on another policy holds. @returns how many of them it would not open */
  judgeBy(judge: Judge): number {
    this.#judge = judge;
    this.#judgedFromMs = performance.now();
    let count = 0;
    for (const { flow } of this.#tunnels) if (closedBy(flow, judge) !== null) count += 1;
    return count;
  }

  /** Breaks off those that would not be opened now, with the new decision as the reason. */
  stopDenied(judge: Judge): void {
    for (const tunnel of this.#tunnels) stopIfDenied(tunnel, judge);
  }

  stopAll(): void {
    for (const { relay } of this.#tunnels) relay.stop('stopped');
  }
}

export type Judge = (question: Decision['question']) => Decision;

function stopIfDenied({ relay, flow }: OpenTunnel, judge: Judge): void {
  const decision = closedBy(flow, judge);
  if (decision === null) return;
  flow.decision = decision;
  relay.stop('denied');
}

/**
 * The decision by which it would not be opened, or not unseen; `null` when it would. The question is the same, about the address that the tunnel leads
 * to: the first of several that might pass was asked about, and another may have been dialled. Through a parent proxy that is the parent's, which no
 * rule is about.
 */
function closedBy({ decision, route, upstreamAddress }: Flow, judge: Judge): Decision | null {
  if (decision === null) return null;
  const { question } = decision;
  const dialled = route === 'direct' ? upstreamAddress?.split('%', 1)[0] : undefined;
  const again = judge(dialled === undefined ? question : { ...question, address: dialled });
  // A rule about addresses, and a parent proxy that resolved the name; or one about a beginning that nobody read: nobody knows what it would say.
  if (again.awaits === 'address' || again.awaits === 'hello') return null;
  if (again.action === 'deny') return again;
  if (again.action !== 'intercept') return null;
  // One that was to be opened and passed all the same has its reasons, and they have not changed, unless the rule allows for none now.
  return decision.action !== 'intercept' || again.rule?.interception?.isRequired ? again : null;
}
