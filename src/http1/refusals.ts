// Owns what a reader says when it reads no further: which error, with which words, for a request that a client sent and for a response of a server.
// What is wrong with a message is told in one way, however its octets were split.
import { ProxyError } from '../errors/proxy-error.ts';
import { SyntaxProblem } from './syntax.ts';

/** What the messages are that a reader reads. */
export type Role = 'request' | 'response';

/** @param isTrailer whether it is wrong in a trailer section, and not in a head or in between */
export function unreadable(role: Role, isTrailer: boolean, problem: SyntaxProblem): ProxyError {
  if (role === 'request') return new ProxyError('http_request_error', problem.message, { status: REQUEST_STATUS[problem.kind] });
  const code = problem.kind === 'field-count' ? sectionSizeCode(isTrailer) : 'http_protocol_error';
  return new ProxyError(code, `The server's answer cannot be read: ${problem.message}`);
}

/** A head, or a trailer section, that does not end in time. */
export function tooLarge(role: Role, isTrailer: boolean, maxBytes: number): ProxyError {
  const what = isTrailer ? 'trailer section' : 'head';
  if (role === 'request')
    return new ProxyError('http_request_error', `The ${what} of the request has more than ${maxBytes} octets.`, { status: 431 });
  return new ProxyError(sectionSizeCode(isTrailer), `The ${what} of the server's answer has more than ${maxBytes} octets.`);
}

/**
 * What to say of a section that came whole and is wrong. Had it come in pieces, a bare LF or NUL would have been met before anything else: it is named
 * here too, so that the answer does not depend on how the octets were split.
 */
export function firstProblem(section: string, problem: SyntaxProblem): SyntaxProblem {
  const bare = /(?<!\r)\n|\0/.exec(section)?.[0];
  if (bare === undefined) return problem;
  return bare === '\n' ? BARE_LF : NUL_OCTET;
}

/** What somebody speaks whose first octet begins no message. */
export function foreignProtocol(role: Role, firstOctet: number): string {
  if (role === 'response') return 'The server did not answer with HTTP.';
  if (firstOctet === 0x16) return 'This port speaks HTTP, and the client began with TLS. Use http:// for the address of the proxy.';
  if (firstOctet === 0x04 || firstOctet === 0x05) return 'This port speaks HTTP, and the client began with SOCKS. Set it as an HTTP proxy.';
  return 'The client did not begin with an HTTP request.';
}

function sectionSizeCode(isTrailer: boolean): 'http_response_trailer_section_size' | 'http_response_header_section_size' {
  return isTrailer ? 'http_response_trailer_section_size' : 'http_response_header_section_size';
}

export const BARE_LF = new SyntaxProblem('A line ends with LF alone; lines end with CRLF.');
export const NUL_OCTET = new SyntaxProblem('There is a NUL octet among the lines of the message.');

const REQUEST_STATUS: Readonly<Record<SyntaxProblem['kind'], number>> = {
  syntax: 400,
  version: 505,
  'target-size': 414,
  'field-count': 431,
};
