// Owns the joint to auth/: the credentials of a request → who asks, or what is answered instead. Whether nobody may be nobody is the listener's to
// say, and the settings' where the listener says nothing.
import type { Authentication, Authenticator } from '../auth/authenticate.ts';
import { fieldValues } from '../http/fields.ts';
import type { Identified, Identity, Received, ReceivedConnect, Soon, Step } from './exchange.ts';

/** @param authenticator `null` when nothing is set up that could tell who asks */
export function identify<R extends Received | ReceivedConnect>(
  received: R,
  authenticator: Authenticator | null,
): Soon<Step<Identified<R>>> {
  const { head, client, tunnel } = received.incoming;
  if (tunnel !== null) return identifiedInside(received, tunnel.identity);
  if (authenticator === null || client.authentication === 'never') return identified(received, 'nobody');
  const values = fieldValues(head.fields, 'proxy-authorization');
  if (values.length === 0) {
    const isRequired = client.authentication === null ? authenticator.isRequired : client.authentication === 'always';
    return isRequired
      ? { respond: { kind: 'challenge', challenges: authenticator.challenges, reason: null } }
      : identified(received, 'unasked');
  }
  const authentication = authenticator.authenticate(values, client.address, Date.now());
  return authentication instanceof Promise ? authentication.then((found) => conclude(received, found)) : conclude(received, authentication);
}

/** Whoever opened the tunnel; whatever looks like credentials for us in there is not, and nobody can be asked. */
function identifiedInside<R extends Received | ReceivedConnect>(received: R, identity: Identity): { readonly next: Identified<R> } {
  if (typeof identity === 'object') received.incoming.flow.user = identity.user;
  return identified(received, identity === 'unasked' ? 'nobody' : identity);
}

function conclude<R extends Received | ReceivedConnect>(received: R, authentication: Authentication): Step<Identified<R>> {
  switch (authentication.kind) {
    case 'identified': {
      const { principal } = authentication;
      received.incoming.flow.user = principal.user;
      return identified(received, principal);
    }
    case 'anonymous':
      return identified(received, 'unasked');
    case 'refused':
      return { respond: { kind: 'challenge', challenges: authentication.challenges, reason: authentication.reason } };
    case 'unavailable':
      return { respond: { kind: 'unavailable', reason: authentication.reason, retryAfterSeconds: authentication.retryAfterSeconds } };
    default:
      return authentication satisfies never;
  }
}

function identified<R extends Received | ReceivedConnect>(received: R, identity: Identity): { readonly next: Identified<R> } {
  return { next: { received, identity } };
}
