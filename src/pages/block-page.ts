// Owns the words of a refusal that somebody decided: a rule, the default, what comes before the rules, a rule's limit, or that nobody said who
// asks. The decision itself comes as a sentence from `policy/explain.ts`; this file says why in general and what the refused person can do.

/** The same words as a policy `Decision` uses for `decidedBy`. */
export type DecidedBy =
  | 'rule'
  | 'default'
  | 'connect-ports'
  | 'unknown-method'
  | 'unusable-question'
  | 'unusable-path'
  | 'unusable-query'
  | 'unusable-field'
  | 'unusable-address'
  | 'unusable-type'
  | 'unusable-url'
  | 'identity-needed';

/** What was refused: the request, the rest of content that had begun to pass, or the answer that the origin had given. */
export type Refused = 'request' | 'content' | 'answer';

/** Whom a rule names for questions: a link, a person, or nobody but whoever runs the proxy. */
export type Contact = 'link' | 'owner' | 'operator';

/** A title without a full stop, why in a sentence (the page gives it its capital and full stop), and the next step in one or two. */
export interface Words {
  readonly title: string;
  readonly message: string;
  readonly nextStep: string;
}

/** After a denial by the policy. */
export function wordsForDenial(decidedBy: DecidedBy, refused: Refused, contact: Contact): Words {
  return {
    title: refused === 'answer' ? 'This proxy does not pass this answer on' : 'This proxy does not allow this request',
    message: refused === 'answer' ? `The answer of the site was refused. ${REASONS[decidedBy]}` : REASONS[decidedBy],
    nextStep: decidedBy === 'rule' ? RULE_STEPS[contact] : STEPS[decidedBy],
  };
}

/** After a rule's limit was reached. @param retryAfterSeconds at least 1 */
export function wordsForLimit(reason: string, retryAfterSeconds: number): Words {
  return {
    title: 'This is more than the rule allows',
    message: reason,
    nextStep: `Wait ${spoken(retryAfterSeconds)}, then send it again. If that is too little, ask the operator, and quote the exchange number.`,
  };
}

/** With a 407. @param reason why the credentials that came are not good; `null` when none came */
export function wordsForChallenge(reason: string | null): Words {
  return {
    title: reason === null ? 'This proxy asks who you are' : 'Your credentials were not accepted',
    message: reason ?? 'Requests through this proxy need a user name and a password, or a token: those of the proxy, not of the site.',
    nextStep:
      'Type them into the box that your browser opens. Other programs (curl, npm, git, pip) take them in the proxy URL: http://user:password@host:port',
  };
}

/** While credentials cannot be checked. */
export function wordsForUnavailable(reason: string, retryAfterSeconds: number): Words {
  return {
    title: 'This proxy cannot check who you are now',
    message: reason,
    nextStep: `Try again in ${spoken(retryAfterSeconds)}. If it stays so, tell the operator, and quote the exchange number.`,
  };
}

/** While nobody counts what a rule limits. */
export function wordsForUncounted(reason: string, retryAfterSeconds: number): Words {
  return { ...wordsForUnavailable(reason, retryAfterSeconds), title: 'This proxy cannot count what its rules limit now' };
}

/** Seconds as a person says them: never less than it takes. */
function spoken(seconds: number): string {
  const [amount, unit] =
    seconds < 120 ? [seconds, 'second'] : seconds < 7_200 ? [Math.ceil(seconds / 60), 'minute'] : [Math.ceil(seconds / 3_600), 'hour'];
  return `${amount} ${unit}${amount === 1 ? '' : 's'}`;
}

const REASONS: Record<DecidedBy, string> = {
  rule: "A rule of this proxy's policy forbids it.",
  default: "No rule of this proxy's policy allows it.",
  'connect-ports': 'This proxy opens tunnels to certain ports only.',
  'unknown-method': 'Its method is not a registered one, and no rule names it.',
  'unusable-question': 'Its destination is not written in the one form that the policy can judge.',
  'unusable-path': 'Its path can be read in more than one way, and a rule asks for the path.',
  'unusable-query': 'Its query can be read in more than one way, and a rule asks for a parameter.',
  'unusable-field': 'One of its fields can be read in more than one way, and a rule asks for it.',
  'unusable-address': 'Its IPv6 address has an IPv4 address inside it, and a rule asks for that one.',
  'unusable-type': 'Its Content-Type can be read in more than one way, and a rule asks for the type.',
  'unusable-url': 'Its URL has too many parts to be looked up in a list, and a rule asks for that list.',
  'identity-needed': "A rule of this proxy's policy asks who you are, and nobody said so.",
};

const RULE_STEPS: Record<Contact, string> = {
  link: 'If you need it, ask for access at the link, and quote the exchange number.',
  owner: 'If you need it, ask whoever owns the rule, and quote the exchange number.',
  operator: 'If you need it, ask the operator of this proxy to change the rule, and quote the exchange number.',
};

const STEPS: Record<Exclude<DecidedBy, 'rule'>, string> = {
  default: 'If you need it, ask the operator of this proxy for a rule that allows it, and quote the exchange number.',
  'connect-ports':
    'Tunnels may go to a few ports only. If you need this one, ask the operator to add it to connect_ports, and quote the exchange number.',
  'unknown-method':
    'Check its spelling: methods are case-sensitive. If it is right, ask the operator for a rule that names it, and quote the exchange number.',
  'unusable-question':
    'Check the host name in the address. If it is right, tell the operator of this proxy, and quote the exchange number.',
  'unusable-path': 'Write the path without encoded slashes, dot segments or control characters, and send the request again.',
  'unusable-query': 'Write each parameter of the query once, with nothing encoded that need not be, and send the request again.',
  'unusable-field': 'Send each field of the request once, as text without control characters, and send the request again.',
  'unusable-address':
    'Name the IPv4 address itself. If you named no address, tell the operator of this proxy, and quote the exchange number.',
  'unusable-type': 'Tell whoever runs the server: an answer has one Content-Type, such as text/html. Until then it cannot pass.',
  'unusable-url':
    'Shorten the URL, its query above all, and send the request again. If it must be so long, tell the operator, and quote the exchange number.',
  'identity-needed': 'Ask the operator of this proxy at which of its addresses it takes user names and passwords, and use that one.',
};
