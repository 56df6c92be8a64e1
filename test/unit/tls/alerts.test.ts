import { expect, it } from 'vitest';
import { distrustOf, receivedAlert, refusalAlert } from '../../../src/tls/alerts.ts';

/** As Node has it from OpenSSL. */
function alertError(reason: string, number: number): Error {
  return new Error(
    `00:error:0A000418:SSL routines:ssl3_read_bytes:${reason}:../openssl/ssl/record/rec_layer_s3.c:918:SSL alert number ${number}\n`,
  );
}

it.each([
  [42, 'bad_certificate', true],
  [43, 'unsupported_certificate', true],
  [44, 'certificate_revoked', true],
  [45, 'certificate_expired', true],
  [46, 'certificate_unknown', true],
  [48, 'unknown_ca', true],
  [49, 'access_denied', true],
  [113, 'bad_certificate_status_response', true],
  [40, 'handshake_failure', false],
  [70, 'protocol_version', false],
  [80, 'internal_error', false],
  [120, 'no_application_protocol', false],
])('alert %i is %s; says that our certificate is not believed: %s (RFC 8446 §6.2)', (number, alert, distrusts) => {
  const error = alertError('tlsv1 alert', number);
  expect(receivedAlert(error)).toBe(alert);
  expect(distrustOf(error)).toEqual(distrusts ? { kind: 'said', alert } : null);
});

it('other errors are no alerts of the client', () => {
  expect(receivedAlert(new Error('read ECONNRESET'))).toBeNull();
  expect(receivedAlert(alertError('tlsv1 alert', 255))).toBeNull();
});

it('a refusal is one fatal alert in one record', () => {
  expect(refusalAlert('access_denied')).toEqual(Buffer.from([21, 3, 3, 0, 2, 2, 49]));
});
