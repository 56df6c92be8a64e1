// Owns what the proxy serves under its own address, to whoever opens that as a web site: the page that greets and helps to trust its certificate
// (answer-onboarding.ts), and the script that configures browsers (PAC) on `/proxy.pac` and on `/wpad.dat`, where those that look for one by
// themselves ask (WPAD). Page and script name the address that the client has just used, so it is right on every interface. That address is the
// client's own claim, in its Host field, so it is read as strictly as a target, and nobody but who made the claim gets the answer.
import { ProxyError } from '../errors/proxy-error.ts';
import { type Authority, formatAuthority, parseAuthority } from '../http/authority.ts';
import { fieldValue } from '../http/fields.ts';
import { BytesBody, type Fields, type RequestHead } from '../http/message.ts';
import { DEFAULT_PORTS } from '../http/target.ts';
import { ONBOARDING_HOST } from '../pages/onboarding-page.ts';
import { pacScript } from '../pages/pac.ts';
import { answerOnboarding, type OnboardingContext } from './answer-onboarding.ts';
import type { Incoming } from './exchange.ts';

export interface OwnAnswersContext extends OnboardingContext {
  /** Destinations that browsers reach without us, in the notation of no_proxy; `null` serves no script. */
  readonly pac: { readonly direct: readonly string[] } | null;
}

/** @returns whether it was answered: most of what is sent to a proxy as to a web server is a mistake */
export function answerForItself(incoming: Incoming, context: OwnAnswersContext): boolean {
  const { method, target } = incoming.head;
  if (method !== 'GET' && method !== 'HEAD') return false;
  const address = addressUsed(incoming.head);
  // Without a Host that can be used it is still told of the page where every client of ours finds it.
  const base = `http://${address === null ? ONBOARDING_HOST : formatAuthority(address, DEFAULT_PORTS.http)}`;
  if (answerOnboarding(incoming, { reached: 'directly', base, pathAndQuery: target }, context)) return true;
  if (context.pac === null || !PAC_PATHS.has(target.split('?', 1)[0]!)) return false;
  if (address === null) return false;
  servePac(incoming, pacScript({ direct: context.pac.direct, proxy: formatAuthority(address) }), context);
  return true;
}

function servePac(incoming: Incoming, script: string, context: OwnAnswersContext): void {
  const { flow } = incoming;
  // `receive` took it for a mistake, as far as it knew.
  flow.error = null;
  flow.outcome = 'answered';
  flow.contentType = PAC_TYPE;
  const content = Buffer.from(script, 'latin1');
  const fields = [{ name: 'Date', value: context.date() }, ...PAC_FIELDS];
  incoming.responder.respond(200, 'OK', fields, new BytesBody(content), content.length);
}

/** Where the client has reached us, by its own Host field; `null` without a usable one. */
function addressUsed({ fields }: RequestHead): Authority | null {
  const host = fieldValue(fields, 'host');
  if (host === undefined) return null;
  try {
    return parseAuthority(host, DEFAULT_PORTS.http);
  } catch (error) {
    if (error instanceof ProxyError) return null;
    throw error;
  }
}

const PAC_PATHS: ReadonlySet<string> = new Set(['/proxy.pac', '/wpad.dat']);
const PAC_TYPE = 'application/x-ns-proxy-autoconfig';
const PAC_FIELDS: Fields = [
  { name: 'Content-Type', value: PAC_TYPE },
  // Long enough for the start of a browser, short enough for a change to arrive.
  { name: 'Cache-Control', value: 'max-age=300' },
  // A page somewhere must not run the script as its own and read our hosts out of it.
  { name: 'X-Content-Type-Options', value: 'nosniff' },
  { name: 'Cross-Origin-Resource-Policy', value: 'same-origin' },
];
