// Owns reason phrases (RFC 9112 §4). Of a refused CONNECT, Python, Go, Java, wget and apt show nothing but the phrase, and browsers and curl not
// even that; so where a decision has words, they stand in it. HTTP gives it no meaning, and no program decides by it.

/**
 * The first of these texts that can be a phrase as it is, with a capital; the status's own phrase when none can.
 *
 * @param candidates sentences without a full stop, the best first; may hold what somebody wrote into a policy
 * @returns 1 to 80 visible ASCII characters and blanks
 */
export function reasonPhrase(status: number, candidates: readonly string[]): string {
  const text = candidates.find((candidate) => PLAIN.test(candidate));
  return text === undefined ? standardReason(status) : text.charAt(0).toUpperCase() + text.slice(1);
}

/** The phrase that the registry of status codes has (RFC 9110 §15 and others); `Error` for a status that is not in it. */
export function standardReason(status: number): string {
  return REASONS[status] ?? 'Error';
}

/** Others cut longer ones, or would have to guess their charset (RFC 9112 §4: obs-text). */
const PLAIN = /^[\x21-\x7e][\x20-\x7e]{0,79}$/;

const REASONS: Readonly<Record<number, string>> = {
  200: 'OK',
  400: 'Bad Request',
  402: 'Payment Required',
  403: 'Forbidden',
  404: 'Not Found',
  405: 'Method Not Allowed',
  406: 'Not Acceptable',
  407: 'Proxy Authentication Required',
  408: 'Request Timeout',
  409: 'Conflict',
  410: 'Gone',
  411: 'Length Required',
  412: 'Precondition Failed',
  413: 'Content Too Large',
  414: 'URI Too Long',
  415: 'Unsupported Media Type',
  416: 'Range Not Satisfiable',
  417: 'Expectation Failed',
  421: 'Misdirected Request',
  422: 'Unprocessable Content',
  423: 'Locked',
  424: 'Failed Dependency',
  425: 'Too Early',
  426: 'Upgrade Required',
  428: 'Precondition Required',
  429: 'Too Many Requests',
  431: 'Request Header Fields Too Large',
  451: 'Unavailable For Legal Reasons',
  500: 'Internal Server Error',
  501: 'Not Implemented',
  502: 'Bad Gateway',
  503: 'Service Unavailable',
  504: 'Gateway Timeout',
  505: 'HTTP Version Not Supported',
  506: 'Variant Also Negotiates',
  507: 'Insufficient Storage',
  508: 'Loop Detected',
  511: 'Network Authentication Required',
};
