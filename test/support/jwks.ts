// An issuer of tokens: keys of its own, tokens signed with them, and a server on a loopback port that publishes its key set (RFC 7517 §5).
import { once } from 'node:events';
import { createServer, type ServerResponse } from 'node:http';
import { createServer as createSecureServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { exportJWK, generateKeyPair, type JWK, SignJWT } from 'jose';
import type { Leaf } from './temp-ca.ts';

export interface SigningKey {
  readonly algorithm: string;
  readonly kid: string;
  readonly privateKey: Parameters<SignJWT['sign']>[0];
  /** The public half, as it stands in a key set. */
  readonly jwk: JWK;
}

export async function makeKey(algorithm: 'RS256' | 'RS512' | 'PS256' | 'ES256' | 'ES384' | 'EdDSA', kid: string): Promise<SigningKey> {
  const { publicKey, privateKey } = await generateKeyPair(algorithm, { extractable: true });
  return { algorithm, kid, privateKey, jwk: { ...(await exportJWK(publicKey)), kid, use: 'sig' } };
}

/** @param claims all of them, in seconds where RFC 7519 says so @param header besides `alg` and `kid` */
export function signToken(key: SigningKey, claims: Record<string, unknown>, header: Record<string, unknown> = {}): Promise<string> {
  return new SignJWT(claims).setProtectedHeader({ alg: key.algorithm, kid: key.kid, ...header }).sign(key.privateKey);
}

export function keySetOf(...keys: readonly SigningKey[]): string {
  return JSON.stringify({ keys: keys.map(({ jwk }) => jwk) });
}

export interface KeyServer {
  readonly url: string;
  /** Requests so far. */
  readonly requests: number;
  /** What is answered from now on: a key set with 200, or whatever the test does with the response. */
  answer: string | ((response: ServerResponse) => void);
  [Symbol.asyncDispose](): Promise<void>;
}

/** @param leaf the certificate that it shows; without one it speaks no TLS */
export async function startKeyServer(answer: KeyServer['answer'], leaf: Leaf | null = null): Promise<KeyServer> {
  const state = { answer, requests: 0 };
  const respond = (_: unknown, response: ServerResponse): void => {
    state.requests += 1;
    if (typeof state.answer === 'function') state.answer(response);
    else response.setHeader('Content-Type', 'application/jwk-set+json').end(state.answer);
  };
  const server = leaf === null ? createServer(respond) : createSecureServer({ key: leaf.key, cert: leaf.cert }, respond);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const url = `${leaf === null ? 'http' : 'https'}://127.0.0.1:${(server.address() as AddressInfo).port}/keys`;
  return Object.assign(state, {
    url,
    async [Symbol.asyncDispose]() {
      server.close();
      server.closeAllConnections();
      await once(server, 'close');
    },
  });
}
