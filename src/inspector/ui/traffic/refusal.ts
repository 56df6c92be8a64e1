// Owns what a refusal is told as: a rule or the default that denied it, what the policy refuses without either, and what the proxy itself does not do; and
// whether another rule would help.
import type { DeniedFor, Summary } from '../../../flows/recorded.ts';

/** Whether a rule for its host is what would let it pass. */
export function mayBeAllowed({ outcome, decision, deniedFor, error }: Summary): boolean {
  if (outcome === 'failed') return error === 'destination_ip_prohibited';
  return outcome === 'denied' && decision === 'deny' && (deniedFor === undefined || deniedFor === 'connect-ports');
}

/** Who or what refused it: a rule, the default, or what the policy and the proxy refuse without either. */
export function denialWords({ decision, deniedFor, rule, status, method, port }: Summary): string {
  const ruleWords = rule === null ? 'the default' : `rule ‘${rule}’`;
  // No rule may answer so (policy/parse-rule.ts).
  if (status === 407) return rule === null ? 'Credentials needed' : `Credentials needed: ${ruleWords} asks who it is`;
  switch (deniedFor) {
    case undefined:
      if (decision === null) return 'Denied';
      return decision !== 'deny' && status === 429 ? `Over a limit of ${ruleWords}` : `Denied by ${ruleWords}`;
    case 'identity-needed':
      return `Denied: ${ruleWords} asks who it is`;
    case 'unknown-method':
      return `Denied: ${method} is not a registered method`;
    case 'connect-ports':
      return `Denied: CONNECT to port ${port} is not in connect_ports`;
    case 'unusable-question':
      return 'Denied: the destination is not in its canonical form';
    default:
      return `Denied: ${ruleWords} cannot judge ${UNUSABLE[deniedFor]}`;
  }
}

/** What the proxy does not do, where that is told by the error; the code of RFC 9209 of everything else. */
export function failureWords({ error, status }: Summary): string {
  if (error === null) return 'Failed';
  if (error === 'destination_ip_prohibited') return 'Refused: its address is not one to connect to';
  if (error === 'http_request_error' && status >= 400) return `Refused: ${REQUEST_ERRORS[status] ?? 'bad request'}`;
  return `Failed: ${error.replaceAll('_', ' ')}`;
}

const UNUSABLE = {
  'unusable-path': 'its path',
  'unusable-query': 'its query',
  'unusable-field': 'a field that comes twice',
  'unusable-address': 'the address inside its address',
  'unusable-type': 'the type of the answer',
  'unusable-url': 'its URL',
} as const satisfies Partial<Record<DeniedFor, string>>;
/** By the status that they are answered with. */
const REQUEST_ERRORS: Readonly<Record<number, string>> = {
  405: 'the method is not one for this target',
  408: 'the request took too long to come',
  413: 'its content is too large',
  414: 'its URL is too long',
  417: 'it expects what nobody here does',
  421: 'its host is not the one of its tunnel',
  426: 'it needs another protocol',
  431: 'its fields are too large',
  501: 'the proxy does not implement what it asks for',
  505: 'its version of HTTP is not supported',
};
