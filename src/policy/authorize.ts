// STAGE authorize: what is about to be done → the decision on it. The question is made of the canonical destination, the same values that will be
// dialled and sent, and the answer carries the path that was judged.
import type { Authority } from '../http/authority.ts';
import type { Scheme } from '../http/target.ts';
import type { CompiledPolicy } from './compile.ts';
import { decide } from './decide.ts';
import type { Decision } from './policy.ts';

export interface AuthorizeRequest {
  readonly method: string;
  readonly scheme: Scheme | 'tunnel';
  readonly authority: Authority;
  readonly pathAndQuery: string | null;
  readonly clientAddress: string;
  readonly user: string | null;
}

export type Authorize = (request: AuthorizeRequest) => Decision;

export function createAuthorize(policy: CompiledPolicy): Authorize {
  return ({ method, scheme, authority, pathAndQuery, clientAddress, user }) =>
    decide(policy, { method, scheme, host: authority.host, port: authority.port, pathAndQuery, clientAddress, user });
}
