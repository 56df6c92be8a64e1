// Owns what a new policy means for tunnels that are open: one that it would not open is closed after a grace, unless a newer policy would open it by then.
import type { Judge } from '../exchange/open-tunnels.ts';
import { decide } from '../policy/decide.ts';
import type { Decision } from '../policy/policy.ts';
import type { LastingParts } from './lasting-parts.ts';

export class RejudgedTunnels {
  readonly #lasting: LastingParts;
  readonly #graces = new Set<NodeJS.Timeout>();

  constructor(lasting: LastingParts) {
    this.#lasting = lasting;
  }

  /** By the policy that holds now. */
  judgeAll(): void {
    const { tunnels, intercepted, report, current } = this.#lasting;
    const { tunnelGraceMs } = current.config;
    const judge: Judge = (question) => decide(this.#lasting.current.policy, { ...question, nowMs: Date.now() });
    // Requests inside are judged one by one, by the policy that holds; so one answer more does no harm.
    intercepted.drainWhere(({ decision }) => decision !== null && isOpenedNoMore(judge(decision.question)));
    const denied = tunnels.judgeBy(judge);
    if (denied === 0) return;
    report(`the new policy denies ${denied} open ${denied === 1 ? 'tunnel' : 'tunnels'}; closing in ${tunnelGraceMs / 1_000} s`);
    const timer = setTimeout(() => {
      this.#graces.delete(timer);
      tunnels.stopDenied(judge);
    }, tunnelGraceMs);
    this.#graces.add(timer);
  }

  close(): void {
    for (const timer of this.#graces) clearTimeout(timer);
  }
}

/** For a question about a beginning that nobody asked for then, there is no answer now. */
function isOpenedNoMore({ action, awaits }: Decision): boolean {
  return awaits === 'nothing' && action !== 'intercept';
}
