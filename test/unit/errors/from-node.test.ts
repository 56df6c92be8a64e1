import { describe, expect, test } from 'vitest';
import { fromSocketError } from '../../../src/errors/from-node.ts';

describe('an alert of TLS (RFC 8446 §6)', () => {
  test.each([
    ['tlsv13 alert certificate required', 116, 'certificate_required', /wants a client certificate/],
    ['ssl/tls alert handshake failure', 40, 'handshake_failure', /may want a client certificate/],
    ['sslv3 alert handshake failure', 40, 'handshake_failure', /may want a client certificate/],
    ['tlsv1 alert unknown ca', 48, 'unknown_ca', /does not accept the client certificate/],
    ['tlsv1 unrecognized name', 112, 'unrecognized_name', /serves no host of this name/],
    ['tlsv1 alert internal error', 80, 'internal_error', /alert internal_error\.$/],
  ])('"%s" has its number and its name in Proxy-Status (RFC 9209 §2.3.29)', (reason, id, name, words) => {
    const error = fromSocketError(tlsError('ERR_SSL_ALERT', reason, `:SSL alert number ${id}`), 'example.com');
    expect(error).toMatchObject({ code: 'tls_alert_received', parameters: { 'alert-id': id, 'alert-message': name } });
    expect(error.message).toMatch(words);
  });

  test('about the version means that the origin is too old', () => {
    const error = fromSocketError(
      tlsError('ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION', 'tlsv1 alert protocol version', ':SSL alert number 70'),
      'old.example',
    );
    expect(error).toMatchObject({
      code: 'tls_protocol_error',
      message: expect.stringContaining('old.example offers nothing newer than TLS 1.1'),
    });
  });
});

test.each([
  ['ERR_SSL_UNSUPPORTED_PROTOCOL', /offers nothing newer than TLS 1\.1/],
  ['ERR_SSL_WRONG_VERSION_NUMBER', /does not speak TLS on this port/],
  ['ERR_SSL_SOMETHING_ELSE', /failed \(ERR_SSL_SOMETHING_ELSE\)/],
])('%s is a failure of the protocol', (code, words) => {
  const error = fromSocketError(tlsError(code, '', ''), 'example.com');
  expect(error.code).toBe('tls_protocol_error');
  expect(error.message).toMatch(words);
});

function tlsError(code: string, reason: string, rest: string): Error {
  return Object.assign(new Error(`error:0A000410:SSL routines::${reason}:rec_layer_s3.c:918${rest}`), { code, reason });
}
