// Owns the words for each failure: a title that says in plain words what happened, and the next step for the person who reads it.
// One row for every error code of RFC 9209 §2.3, so a code does not compile without its words; refusals of a request differ by status.
// Whose fault it is stands in `errors/proxy-error.ts`; what exactly happened is the error's own message.
import type { ProxyErrorCode } from '../errors/proxy-error.ts';

/** What happened, in plain words, without a full stop. */
export function titleFor(code: ProxyErrorCode, status: number): string {
  return wordsFor(code, status).title;
}

/** What to do next: one or two sentences for the person at the client, short enough for two lines of a terminal. */
export function nextStepFor(code: ProxyErrorCode, status: number): string {
  return wordsFor(code, status).nextStep;
}

/** Whether a code means that the proxy refused by decision, could not read the request, or failed to get an answer. */
export function kindFor(code: ProxyErrorCode): 'denied' | 'request-error' | 'failed' {
  if (code === 'http_request_denied' || code === 'destination_ip_prohibited') return 'denied';
  return code === 'http_request_error' ? 'request-error' : 'failed';
}

interface Words {
  readonly title: string;
  readonly nextStep: string;
}

function wordsFor(code: ProxyErrorCode, status: number): Words {
  if (code !== 'http_request_error') return CODES[code];
  return REQUEST_ERRORS.get(status) ?? CODES.http_request_error;
}

const TELL_SERVER = 'If it keeps happening, tell whoever runs the server.';
const CHECK_EFFECT = 'Before you send a form or an upload again, check whether it has taken effect.';

const CODES: Readonly<Record<ProxyErrorCode, Words>> = {
  dns_timeout: {
    title: 'Looking up the name took too long',
    nextStep: 'Try again in a minute. If it stays so, the operator can check the name servers that this proxy asks.',
  },
  dns_error: {
    title: 'The name could not be found',
    nextStep: 'Check the spelling. If the name is new or internal, the operator can check the name servers that this proxy asks.',
  },
  destination_not_found: {
    title: 'This proxy does not know where to send the request',
    nextStep: 'Tell the operator, and quote the exchange number: a route or a parent proxy is missing from the configuration.',
  },
  destination_unavailable: {
    title: 'The site is not available at the moment',
    nextStep: 'Try again later. Other sites are not affected.',
  },
  destination_ip_prohibited: {
    title: 'This address is off limits',
    nextStep: 'If this host should be reached, the operator can name its addresses under allow_private in a rule that allows it.',
  },
  destination_ip_unroutable: {
    title: 'No network path leads to this server',
    nextStep: "Check that the proxy's network is up. If only this site fails, it may need IPv6 where there is only IPv4, or the reverse.",
  },
  connection_refused: {
    title: 'The server refused the connection',
    nextStep: 'Check the port in the address. If it is right, the server is not running or does not take visitors from here: try later.',
  },
  connection_terminated: {
    title: 'The server broke off the connection',
    nextStep: `Try again. ${CHECK_EFFECT}`,
  },
  connection_timeout: {
    title: 'The server could not be reached in time',
    nextStep: `Try again in a minute: it may be down, overloaded or behind a firewall. ${TELL_SERVER}`,
  },
  connection_read_timeout: {
    title: 'The server stopped sending',
    nextStep: `Try again. ${CHECK_EFFECT}`,
  },
  connection_write_timeout: {
    title: 'The server stopped reading the request',
    nextStep: `Try again, with a smaller upload if you can. ${TELL_SERVER}`,
  },
  connection_limit_reached: {
    title: 'This proxy has no connection to spare',
    nextStep: 'Try again in a moment. If it keeps happening, the operator can raise the limit on connections.',
  },
  tls_protocol_error: {
    title: 'No secure connection to the server was possible',
    nextStep: 'Check that the port speaks TLS. A server that offers nothing newer than TLS 1.1 must be updated by whoever runs it.',
  },
  tls_certificate_error: {
    title: "The server's certificate cannot be trusted",
    nextStep:
      'Send it nothing private. Whoever runs the server can repair its certificate; for a private root, ask the operator of this proxy.',
  },
  tls_alert_received: {
    title: 'The server turned the secure connection down',
    nextStep: 'Check the name in the address. If the server asks for a client certificate, the operator can give this proxy one for it.',
  },
  http_request_error: {
    title: 'This request could not be understood',
    nextStep: 'Send it again with another browser or program. If it fails there too, show this page to whoever made the link.',
  },
  http_request_denied: {
    title: 'This proxy does not allow this request',
    nextStep: 'If you need it, ask the operator of this proxy, and quote the exchange number.',
  },
  http_response_incomplete: {
    title: 'The answer broke off before its end',
    nextStep: `Try again. ${TELL_SERVER}`,
  },
  http_response_header_section_size: {
    title: "The answer's header section is too large",
    nextStep: "Clear the site's cookies and try again. If it must be so large, the operator can raise the limit.",
  },
  http_response_header_size: {
    title: 'A header field of the answer is too large',
    nextStep: "Clear the site's cookies and try again. If it must be so large, the operator can raise the limit.",
  },
  http_response_body_size: {
    title: 'The answer is larger than this proxy passes on',
    nextStep: 'If you need it, ask the operator to raise the limit, and quote the exchange number.',
  },
  http_response_trailer_section_size: {
    title: "The answer's trailer section is too large",
    nextStep: 'Tell whoever runs the server. If it must be so large, the operator of this proxy can raise the limit.',
  },
  http_response_trailer_size: {
    title: 'A trailer field of the answer is too large',
    nextStep: 'Tell whoever runs the server. If it must be so large, the operator of this proxy can raise the limit.',
  },
  http_response_transfer_coding: {
    title: 'The answer is framed in a way this proxy cannot read',
    nextStep: 'Tell whoever runs the server: its Transfer-Encoding is unknown or malformed.',
  },
  http_response_content_coding: {
    title: 'The answer is compressed in a way this proxy cannot read',
    nextStep: 'Tell whoever runs the server: its Content-Encoding is unknown or malformed.',
  },
  http_response_timeout: {
    title: 'The server took too long to answer',
    nextStep: `Try again later. ${CHECK_EFFECT}`,
  },
  http_upgrade_failed: {
    title: 'The server did not switch protocols',
    nextStep: `Reload the page that needs it: the server would not open the WebSocket or other protocol. ${TELL_SERVER}`,
  },
  http_protocol_error: {
    title: "The server's answer breaks the rules of HTTP",
    nextStep: 'Tell whoever runs the server. Such an answer could pollute the next one, so it was thrown away.',
  },
  proxy_internal_response: {
    title: 'Nothing stored here can answer this request',
    nextStep: 'Try again when this proxy is online, or without only-if-cached.',
  },
  proxy_internal_error: {
    title: 'This proxy made a mistake',
    nextStep: 'Try again. If it keeps happening, tell the operator, and quote the exchange number: the log has the details.',
  },
  proxy_configuration_error: {
    title: 'This proxy is set up wrongly',
    nextStep: 'Tell the operator, and quote the exchange number: the log names the setting.',
  },
  proxy_loop_detected: {
    title: 'The request came back to this proxy',
    nextStep: "Check that the address is not the proxy's own. Otherwise the operator must check that no two proxies forward to each other.",
  },
};

/** For `http_request_error`, whose status says what was wrong. */
const REQUEST_ERRORS: ReadonlyMap<number, Words> = new Map([
  [405, { title: 'This method is not possible here', nextStep: 'Use another method, such as GET.' }],
  [408, { title: 'The request took too long to arrive', nextStep: 'Check your own connection, and send it again.' }],
  [413, { title: 'The content of the request is too large', nextStep: 'Send less at once, or ask the operator to raise the limit.' }],
  [414, { title: 'The address is too long', nextStep: 'Shorten it: often most of it is a query that a form can send instead.' }],
  [417, { title: 'The request expects what this proxy cannot do', nextStep: 'Send it without the Expect field.' }],
  [
    421,
    {
      title: 'The request came the wrong way',
      nextStep:
        'Ask again on a new connection; browsers do so by themselves. If it keeps happening, the program says one name and means another.',
    },
  ],
  [426, { title: 'The request needs a newer protocol', nextStep: 'Update the browser or program that sent it.' }],
  [431, { title: 'The header section of the request is too large', nextStep: "Clear the site's cookies, and try again." }],
  [501, { title: 'This proxy does not know how to do that', nextStep: 'Use http or https, and a method that proxies forward.' }],
  [505, { title: 'The request is in a version of HTTP not spoken here', nextStep: 'Send it as HTTP/1.1.' }],
]);
