// Owns the handshake with a client that is to be intercepted: TLS 1.2 and 1.3 with a certificate of ours, from the octets that were looked at before.
// They are put back into the socket (`unshift`). Node hands them to OpenSSL when it wraps the socket and joins the two natively, so nothing passes
// through a stream of JavaScript, then or later; that holds for a `net.Socket` alone, and so nothing else is taken here.
import type { Socket } from 'node:net';
import { type SecureContext, TLSSocket } from 'node:tls';
import type { Deadlines } from '../net/deadlines.ts';
import { readByRecord } from '../net/read-by-record.ts';
import { type AlertName, type Distrust, distrustOf, receivedAlert, SUSPECTED } from './alerts.ts';

export type ApplicationProtocol = 'h2' | 'http/1.1';

export type Handshake =
  | { readonly kind: 'opened'; readonly socket: TLSSocket; readonly protocol: ApplicationProtocol }
  | {
      readonly kind: 'refused';
      /** The alert that the client sent; `null` where it sent none, or where the refusal is ours. */
      readonly alert: AlertName | null;
      /** A clause: "the client answered with the alert unknown_ca". */
      readonly reason: string;
      /** What that says about our certificate; `null` is nothing. */
      readonly distrust: Distrust | null;
    };

export interface HandshakeOptions {
  /** From now until it must be complete. */
  readonly timeoutMs: number;
  /** What may be spoken, in our order of preference. A client without ALPN speaks HTTP/1.1; one that offers nothing of it is refused with an alert. */
  readonly alpn: readonly ApplicationProtocol[];
  /** Is given the socket before its handshake, to write its secrets down (SSLKEYLOGFILE); `null` keeps them secret. */
  readonly logKeys: ((socket: TLSSocket) => void) | null;
}

/**
 * Completes the handshake. When it resolves, listeners are left on the TLS socket that keep an error nobody hears from ending the process, and that
 * destroy it when TLS fails later. What failed before anybody else listened is in `socket.errored`. After a refusal the connection is closed.
 *
 * @param socket of the client, paused
 * @param octets all that was read from it and not answered
 * @param secureContext with `minVersion` TLS 1.2 or higher; its ticket keys decide which sessions can be resumed
 * @throws never
 */
export function openTls(
  socket: Socket,
  octets: Buffer,
  secureContext: SecureContext,
  options: HandshakeOptions,
  deadlines: Deadlines,
): Promise<Handshake> {
  if (socket.destroyed) return Promise.resolve(refused('the client has broken off'));
  const answeredFrom = socket.bytesWritten;
  if (octets.length > 0) socket.unshift(octets);
  const secured = new TLSSocket(socket, { isServer: true, secureContext, ALPNProtocols: [...options.alpn] });
  options.logKeys?.(secured);
  // RFC 9113 §9.2.1 forbids it to HTTP/2, and nobody here has a use for it.
  secured.disableRenegotiation();
  secured.on('error', ignore);
  // What goes wrong in TLS once the handshake is complete, a late alert too, Node tells by this event alone and leaves the socket open.
  secured.on('_tlsError', destroyWith);
  return new Promise((resolve) => {
    const settle = (handshake: Handshake): void => {
      deadline.clear();
      secured.off('secure', onSecure).off('error', onError).off('end', onLeft).off('close', onLeft);
      if (handshake.kind === 'refused') secured.destroy();
      resolve(handshake);
    };
    const onSecure = (): void => {
      markSecure(secured);
      const protocol = secured.alpnProtocol === 'h2' ? 'h2' : 'http/1.1';
      if (protocol === 'http/1.1') readByRecord(secured);
      settle({ kind: 'opened', socket: secured, protocol });
    };
    const onError = (error: Error): void => settle(failed(error, socket.bytesWritten > answeredFrom));
    const onLeft = (): void => settle(left(socket.bytesWritten > answeredFrom));
    const deadline = deadlines.create(() => settle(refused(`the handshake was not complete in ${options.timeoutMs} ms`)));
    deadline.set(options.timeoutMs);
    secured.on('secure', onSecure).on('error', onError).on('end', onLeft).on('close', onLeft);
  });
}

/** @param hasAnswered whether the client has our first flight, and with it our certificate */
function failed(error: Error, hasAnswered: boolean): Handshake {
  const alert = receivedAlert(error);
  if (alert !== null) return { kind: 'refused', alert, reason: `the client answered with the alert ${alert}`, distrust: distrustOf(error) };
  const { reason } = error as { readonly reason?: string };
  // OpenSSL has words for what it found wrong itself; the system has none for a client that broke off.
  return reason === undefined ? left(hasAnswered) : refused(`the handshake failed: ${reason}`);
}

function left(hasAnswered: boolean): Handshake {
  if (!hasAnswered) return refused('the client has broken off');
  return { kind: 'refused', alert: null, reason: 'the client left without a word after it had our certificate', distrust: SUSPECTED };
}

function refused(reason: string): Handshake {
  return { kind: 'refused', alert: null, reason, distrust: null };
}

function ignore(): void {}

function destroyWith(this: TLSSocket, error: Error): void {
  this.destroy(error);
}

/** As `tls.Server` does: node:http2 waits until a socket that says otherwise is a client that has connected. */
function markSecure(secured: TLSSocket & { secureConnecting?: boolean }): void {
  secured.secureConnecting = false;
}
