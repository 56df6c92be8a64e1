// Owns what is served about the proxy and its certificate, under the proxy's own address and under a name that only its clients reach: the page, the
// certificate in both forms, and what shows that a browser trusts it. It is all public, so nobody is asked who they are; the key has no way here.
// The certificate is sent without `attachment`: Firefox and Safari then ask whether to trust it, and others save it under the name that it is given.
import type { X509Certificate } from 'node:crypto';
import { formatAuthority } from '../http/authority.ts';
import { fieldValue, fieldValues } from '../http/fields.ts';
import { BytesBody, type Fields } from '../http/message.ts';
import { DEFAULT_PORTS } from '../http/target.ts';
import { ONBOARDING_FIELDS, ONBOARDING_HOST, type OnboardingFacts, renderCheck, renderOnboarding } from '../pages/onboarding-page.ts';
import { TRUSTED_STYLE } from '../pages/onboarding-style.ts';
import { detectPlatform, PLATFORMS, type Platform } from '../pages/platform.ts';
import { FILE_NAMES } from '../pages/trust-steps.ts';
import type { PageContext } from './answer-with-page.ts';
import type { Incoming, Received } from './exchange.ts';
import type { TrustingClients } from './trusting-clients.ts';

export interface OnboardingContext extends PageContext {
  /** Whether there is a script for automatic configuration. */
  readonly pac: object | null;
  readonly onboarding: Onboarding;
}

export interface Onboarding {
  /** What clients have to trust so that tunnels can be opened for them; `null` while the policy opens none: none is made for this page. */
  readonly certificate: X509Certificate | null;
  readonly trusting: TrustingClients;
}

/** Where it was asked for. */
export interface OnboardingAddress {
  readonly reached: OnboardingFacts['reached'];
  /** Canonical, without a path: `http://127.0.0.1:8080`. */
  readonly base: string;
  readonly pathAndQuery: string;
}

/** Whether a request, or a tunnel, is for the name that is ours. */
export function isForOnboarding({ authority }: Pick<Received, 'authority'>): boolean {
  return authority.host === ONBOARDING_HOST;
}

/** Answers a request for the name that is ours; whatever else is asked for there does not exist. */
export function answerByName({ incoming, scheme, authority, pathAndQuery }: Received, context: OnboardingContext): void {
  const isOpened = incoming.tunnel !== null && scheme === 'https';
  // Whoever got as far as a request has believed the certificate.
  if (isOpened) context.onboarding.trusting.note(incoming.client.address, incoming.flow.startedAtMs);
  // What is fetched from there is what a tunnel has to be trusted by, so it comes without one.
  const base = `http://${scheme === 'http' ? formatAuthority(authority, DEFAULT_PORTS.http) : authority.host}`;
  const address: OnboardingAddress = { reached: isOpened ? 'opened' : 'through-proxy', base, pathAndQuery };
  if (!answerOnboarding(incoming, address, context)) send(incoming, 404, NOT_HERE, TEXT, NO_STORE, context);
}

/** @returns whether there was an answer */
export function answerOnboarding(incoming: Incoming, address: OnboardingAddress, context: OnboardingContext): boolean {
  const { method, fields } = incoming.head;
  if (method !== 'GET' && method !== 'HEAD') return false;
  const [path = '', query = ''] = address.pathAndQuery.split('?', 2);
  const { certificate } = context.onboarding;
  switch (path) {
    case '/': {
      const { contentType, bytes } = renderOnboarding(
        factsOf(incoming, address, query, context),
        fieldValues(fields, 'accept').join(',') || undefined,
      );
      send(incoming, 200, bytes, contentType, PAGE, context);
      return true;
    }
    case '/check': {
      const { contentType, bytes } = renderCheck(factsOf(incoming, address, '', context), Number.parseInt(query, 10) || 1);
      send(incoming, 200, bytes, contentType, PAGE, context);
      return true;
    }
    case '/trusted.css':
      if (address.reached !== 'opened') return false;
      send(incoming, 200, Buffer.from(TRUSTED_STYLE), 'text/css', NO_STORE, context);
      return true;
    case '/certificate.cer':
    case '/certificate.crt':
    case '/certificate.pem': {
      if (certificate === null) return false;
      const isDer = path === '/certificate.cer';
      const disposition = { name: 'Content-Disposition', value: `inline; filename="${FILE_NAMES[path]}"` };
      const content = isDer ? certificate.raw : Buffer.from(certificate.toString());
      send(incoming, 200, content, CERTIFICATE, [disposition, ...OF_CERTIFICATE], context);
      return true;
    }
    default:
      return false;
  }
}

function factsOf(incoming: Incoming, { reached, base }: OnboardingAddress, query: string, context: OnboardingContext): OnboardingFacts {
  const { head, client } = incoming;
  const { certificate, trusting } = context.onboarding;
  return {
    reached,
    base,
    hasPac: context.pac !== null && reached === 'directly',
    certificate: certificate && {
      name: commonName(certificate),
      fingerprint: certificate.fingerprint256,
      validUntilMs: certificate.validToDate.getTime(),
    },
    platform: chosenPlatform(query) ?? detectPlatform(fieldValue(head.fields, 'user-agent'), fieldValue(head.fields, 'sec-ch-ua-platform')),
    clientAddress: client.address,
    trustedAtMs: trusting.lastMs(client.address),
    proxyName: context.via,
  };
}

/** `for=windows` */
function chosenPlatform(query: string): Platform | null {
  const chosen = query.startsWith('for=') ? query.slice('for='.length) : '';
  return Object.hasOwn(PLATFORMS, chosen) ? (chosen as Platform) : null;
}

/** The line of the subject that lists of certificates show; of one without it, all of them. */
function commonName({ subject }: X509Certificate): string {
  const name = subject.split('\n').find((line) => line.startsWith('CN='));
  return name === undefined ? subject : name.slice('CN='.length);
}

function send({ flow, responder }: Incoming, status: 200 | 404, content: Buffer, type: string, fields: Fields, context: PageContext): void {
  flow.error = null;
  flow.outcome = 'answered';
  flow.contentType = type;
  const all = [{ name: 'Date', value: context.date() }, { name: 'Content-Type', value: type }, ...fields];
  responder.respond(status, status === 200 ? 'OK' : 'Not Found', all, new BytesBody(content), content.length);
}

const TEXT = 'text/plain;charset=utf-8';
const NOT_HERE = Buffer.from(`There is nothing here: the page is http://${ONBOARDING_HOST}/\n`);
/** What browsers take for a certificate to trust. */
const CERTIFICATE = 'application/x-x509-ca-cert';
const NOSNIFF = { name: 'X-Content-Type-Options', value: 'nosniff' };
const NO_STORE: Fields = [NOSNIFF, { name: 'Cache-Control', value: 'no-store' }];
const PAGE: Fields = [...ONBOARDING_FIELDS, { name: 'Vary', value: 'Accept' }];
const OF_CERTIFICATE: Fields = [
  NOSNIFF,
  // Long enough for a browser that asks twice, short enough for a new one to arrive.
  { name: 'Cache-Control', value: 'max-age=60' },
  { name: 'Cross-Origin-Resource-Policy', value: 'same-origin' },
];
