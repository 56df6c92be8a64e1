// Owns the story of a recorded exchange: who asked, what decided and where that stands, which address, whose TLS, what the cache did, how it ended. Every
// reason is told in the words of the part that had it; what the record does not say is not told.
import type { CacheRuleOptions } from '../cache/rules/options.ts';
import { PROXY_ERRORS, type ProxyErrorCode } from '../errors/proxy-error.ts';
import type { ExplainedRule } from '../policy/explain.ts';
import { readableText } from './octet-text.ts';
import type { RecordedDecision, RecordedExchange } from './recorded.ts';
import { cacheHint, cacheSentences } from './why/cache-story.ts';
import type { WhySentence } from './why/why-sentence.ts';

export interface Why {
  readonly sentences: readonly WhySentence[];
  readonly criteria: readonly ExplainedRule[];
  /** Another policy has come since: the criteria are those of the one of now. */
  readonly policyChanged: boolean;
  /** The smallest change at the origin that makes it a hit, as an imperative without a full stop. */
  readonly cacheHint: string | null;
}

/** What the record itself does not have. */
export interface WhyAsked {
  /** The recorded question, explained by the policy of now (`policy/explain.ts`); none where it cannot be asked. */
  readonly steps: readonly ExplainedRule[];
  /** Of the policy of now; `null` where nobody knows. */
  readonly policyDigest: string | null;
  readonly cacheOptions: CacheRuleOptions;
}

/** @throws never, for a record of this version */
export function whyOf(exchange: RecordedExchange, { steps, policyDigest, cacheOptions }: WhyAsked): Why {
  const { decision } = exchange.facts;
  return {
    sentences: [
      identitySentence(exchange),
      ...policySentences(exchange),
      ...addressSentences(exchange),
      ...tlsSentences(exchange),
      ...cacheSentences(exchange),
      outcomeSentence(exchange),
    ],
    criteria: steps,
    policyChanged: decision !== null && policyDigest !== null && decision.policyDigest !== policyDigest,
    cacheHint: cacheHint(exchange, cacheOptions),
  };
}

function identitySentence({ summary, facts }: RecordedExchange): WhySentence {
  const from = `from ${summary.client} port ${facts.clientPort}, at ${facts.listener}`;
  if (summary.user !== null) {
    const groups = facts.decision?.groups ?? [];
    const user = readableText(summary.user);
    return {
      stage: 'identity',
      title: user,
      text: `${user} asked, ${from}.`,
      detail: groups.length === 0 ? [] : [`groups: ${groups.join(', ')}`],
    };
  }
  const wasAsked = facts.decision?.decidedBy === 'identity-needed';
  return {
    stage: 'identity',
    title: summary.client,
    text: wasAsked ? `Who it is was asked, and not yet known: ${from}.` : `Somebody without a name asked, ${from}.`,
  };
}

function policySentences({ facts: { decision } }: RecordedExchange): WhySentence[] {
  if (decision === null) return [];
  const { action, sentence, file, line, reported } = decision;
  return [
    {
      stage: 'policy',
      title: ACTIONS[action],
      text: `${capitalised(readableText(sentence))}.`,
      ...(file !== '' && { place: `${file}:${line}` }),
      detail: reported.map((rule) => `on trial, and would have denied it: ${readableText(rule)}`),
    },
  ];
}

function addressSentences({ summary, facts }: RecordedExchange): WhySentence[] {
  const { judged, upstreamAddress, upstreamPort, reusedConnection, route, resolvedFrom } = facts;
  const detail = judged.map(({ address, allowed, reason }) => `${address}: ${allowed ? 'allowed' : reason}`);
  if (upstreamAddress === null) {
    if (judged.length === 0) return [];
    return [{ stage: 'address', title: 'No address', text: `None of the addresses of ${summary.host} was connected to.`, detail }];
  }
  const way = route === null || route === 'direct' ? '' : `, the parent proxy ${route}`;
  const source = resolvedFrom === null ? '' : ` ${SOURCES[resolvedFrom] ?? ''}`;
  const text = reusedConnection
    ? `A connection to ${upstreamAddress} port ${upstreamPort}${way} was kept from an exchange before, and used again.`
    : `${upstreamAddress} port ${upstreamPort}${way} was connected to.${source === ' ' ? '' : source}`;
  return [{ stage: 'address', title: upstreamAddress, text, detail }];
}

function tlsSentences(exchange: RecordedExchange): WhySentence[] {
  return [...interceptionSentence(exchange), ...originSentence(exchange)];
}

/** What became of a tunnel, or that the request came out of one. */
function interceptionSentence({ summary, facts }: RecordedExchange): WhySentence[] {
  const { interception, connectId } = summary;
  if (summary.kind !== 'tunnel') {
    return connectId === null
      ? []
      : [{ stage: 'tls', title: 'Inside a tunnel', text: `It came out of tunnel ${connectId}, which the proxy had opened.` }];
  }
  if (interception === null) {
    return summary.outcome === 'tunnelled'
      ? [{ stage: 'tls', title: 'Not opened', text: 'What went through the tunnel was read by nobody here.' }]
      : [];
  }
  const { hello, interceptionReason } = facts;
  const said =
    hello === null ? [] : [`name: ${hello.serverName ?? 'none'}`, `protocols: ${hello.alpn.join(', ') || 'none'}`, `JA4: ${hello.ja4}`];
  const reason = interceptionReason === null ? '' : ` ${asSentence(interceptionReason)}`;
  const { title, text } = INTERCEPTIONS[interception];
  return [{ stage: 'tls', title, text: `${text}${reason}`, detail: said.map(readableText) }];
}

function originSentence({ facts: { originTls } }: RecordedExchange): WhySentence[] {
  if (originTls === null) return [];
  const { version, certificate, isResumed, acceptedFaults } = originTls;
  const oneLine = (text: string): string => readableText(text).replaceAll('\n', ', ');
  const text = `The origin's certificate is good until ${new Date(certificate.validToMs).toISOString().slice(0, 10)}; the connection speaks ${version ?? 'TLS'}.`;
  const forgiven = `The policy forgave the origin's certificate that it is not good: ${acceptedFaults.join(', ')}.`;
  return [
    {
      stage: 'tls',
      title: acceptedFaults.length === 0 ? 'Origin verified' : 'Origin forgiven',
      text: acceptedFaults.length === 0 ? text : forgiven,
      detail: [
        `names: ${readableText(certificate.names) || 'none'}`,
        `subject: ${oneLine(certificate.subject)}`,
        `issuer: ${oneLine(certificate.issuer)}`,
        `SHA-256: ${certificate.fingerprint256}`,
        ...(isResumed ? ['a session was resumed: this is the certificate of its first handshake'] : []),
      ],
    },
  ];
}

function outcomeSentence({ summary, facts }: RecordedExchange): WhySentence {
  const { outcome, error, status, totalMs, requestBytes, responseBytes } = summary;
  const changes = facts.changes.map(({ stage, rule, what }) => `${stage}: ${readableText(rule)}: ${readableText(what)}`);
  const took = totalMs === null ? '' : ` in ${totalMs < 10 ? totalMs.toFixed(1) : Math.round(totalMs)} ms`;
  const octets = `${requestBytes} octets of content in, ${responseBytes} out${took}.`;
  if (outcome === null) return { stage: 'outcome', title: 'Pending', text: 'It is under way still.', detail: changes };
  if (error === null)
    return { stage: 'outcome', title: status === 0 ? OUTCOMES[outcome] : `${status}, ${OUTCOMES[outcome]}`, text: octets, detail: changes };
  const blame = Object.hasOwn(PROXY_ERRORS, error) ? BLAMES[PROXY_ERRORS[error as ProxyErrorCode].blame] : '';
  const message = facts.errorMessage === null ? '' : asSentence(readableText(facts.errorMessage));
  return {
    stage: 'outcome',
    title: error,
    text: [message, blame].filter((part) => part !== '').join(' '),
    detail: [octets, ...changes],
    section: 'RFC 9209 §2.3',
  };
}

function asSentence(text: string): string {
  return /[.!?]$/.test(text) ? capitalised(text) : `${capitalised(text)}.`;
}

/** A host in the first place is written as it is. */
function capitalised(text: string): string {
  if (/^[^\s]*[.:]/.test(text)) return text;
  return text.charAt(0).toUpperCase() + text.slice(1);
}

const ACTIONS: Readonly<Record<RecordedDecision['action'], string>> = {
  allow: 'Allowed',
  deny: 'Denied',
  tunnel: 'Tunnelled',
  intercept: 'To be opened',
};
const SOURCES: Readonly<Record<string, string>> = {
  literal: 'The host is an address itself.',
  hosts: 'The hosts file says so.',
  cache: 'The address was remembered from a look-up before.',
  resolver: 'The resolver gave the address.',
};
const INTERCEPTIONS = {
  opened: { title: 'Opened', text: 'The tunnel ended here, and its inside was read.' },
  passed: { title: 'Left closed', text: 'The tunnel was passed on as it was.' },
  refused: { title: 'Refused', text: 'The tunnel was ended.' },
} as const;
const OUTCOMES = {
  forwarded: 'from the origin',
  reused: 'from the cache',
  tunnelled: 'tunnelled',
  opened: 'opened',
  answered: 'answered by the proxy itself',
  denied: 'denied',
  failed: 'failed',
  aborted: 'the client left',
} as const;
const BLAMES = {
  client: 'The client can change that.',
  origin: 'The origin or the way to it is the cause.',
  proxy: 'The proxy is the cause.',
} as const;
