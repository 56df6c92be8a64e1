// STAGE answerAsLast: TRACE and OPTIONS whose Max-Forwards is 0 have reached the one they were meant for: us (RFC 9110 §7.6.2).
import { isNamed } from '../http/fields.ts';
import { maxForwards } from '../http/forwarding.ts';
import type { Fields, RequestHead } from '../http/message.ts';
import type { Answer, Authorized, Step } from './exchange.ts';

export function answerAsLast(authorized: Authorized): Step<Authorized, Answer> {
  const { head } = authorized.received.incoming;
  if (maxForwards(head.method, head.fields) !== 0) return { next: authorized };
  return head.method === 'OPTIONS' ? own([], Buffer.alloc(0)) : own([{ name: 'Content-Type', value: 'message/http' }], trace(head));
}

function own(fields: Fields, content: Buffer): Step<Authorized, Answer> {
  return { respond: { kind: 'own', head: { status: 200, reason: 'OK', version: '1.1', fields }, content } };
}

/** The request as it came, without what could be stolen by showing it (RFC 9110 §9.3.8). */
function trace(head: RequestHead): Buffer {
  const shown = head.fields.filter(({ name }) => !SECRET.some((secret) => isNamed(name, secret)));
  const lines = shown.map(({ name, value }) => `${name}: ${value}\r\n`).join('');
  return Buffer.from(`${head.method} ${head.target} HTTP/${head.version}\r\n${lines}\r\n`, 'latin1');
}

const SECRET = ['authorization', 'proxy-authorization', 'cookie'];
