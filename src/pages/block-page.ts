// Owns the words of a denial that depend on who decided: the policy's rule, its default, its list of CONNECT ports, or a request nobody can judge.
// The decision itself comes as a sentence from `policy/explain.ts`; this file only says what the refused person can do about it.

/** The same words as a policy `Decision` uses for `decidedBy`. */
export type DecidedBy = 'rule' | 'default' | 'connect-ports' | 'unusable-path' | 'unusable-question';

/** What somebody who was refused by the policy can do next: one or two sentences. */
export function nextStepForDenial(decidedBy: DecidedBy): string {
  return STEPS[decidedBy];
}

const STEPS: Record<DecidedBy, string> = {
  rule: 'If you need it, ask the operator of this proxy to change the rule, and quote the exchange number.',
  default: 'If you need it, ask the operator of this proxy for a rule that allows it, and quote the exchange number.',
  'connect-ports':
    'Tunnels may go to a few ports only. If you need this one, ask the operator to add it to connect_ports, and quote the exchange number.',
  'unusable-path': 'Write the path without encoded slashes, dot segments or control characters, and send the request again.',
  'unusable-question':
    'Check the host name in the address. If it is right, tell the operator of this proxy, and quote the exchange number.',
};
