import { expect, test } from 'vitest';
import { type Proven, TlsSessions } from '../../../src/upstream/tls-sessions.ts';

const certificate = { subject: '', issuer: '', names: '', validFromMs: 0, validToMs: 0, fingerprint256: '', chain: [] };
const until = (untilMs: number): Proven => ({ certificate, forgiven: [], untilMs });

test('the newest session is given out first, each once (RFC 8446 §C.4)', () => {
  const sessions = new TlsSessions();
  sessions.keep('a', Buffer.from('older'), until(10));
  sessions.keep('a', Buffer.from('newer'), until(10));
  expect([0, 0, 0].map(() => sessions.take('a', 5)?.session.toString())).toEqual(['newer', 'older', undefined]);
});

test('a session is for its destination alone', () => {
  const sessions = new TlsSessions();
  sessions.keep('a', Buffer.from('session'), until(10));
  expect(sessions.take('b', 5)).toBeNull();
});

test('a session counts no longer than what it goes back to', () => {
  const sessions = new TlsSessions();
  sessions.keep('a', Buffer.from('session'), until(10));
  expect(sessions.take('a', 10)).toBeNull();
});

test('four are kept for a destination, whatever a server sends', () => {
  const sessions = new TlsSessions();
  for (let count = 0; count < 100; count += 1) sessions.keep('a', Buffer.from([count]), until(10));
  const taken = Array.from({ length: 6 }, () => sessions.take('a', 5)?.session[0]);
  expect(taken).toEqual([99, 98, 97, 96, undefined, undefined]);
});

test('memory is bounded: 8 MiB over twenty thousand destinations', () => {
  const sessions = new TlsSessions();
  const session = Buffer.alloc(2_000);
  for (let host = 0; host < 20_000; host += 1) sessions.keep(`host-${host}`, session, until(10));
  expect(sessions.size).toBeLessThanOrEqual(8 * 1024 * 1024);
  expect(sessions.take('host-19999', 5)).not.toBeNull();
  expect(sessions.take('host-0', 5)).toBeNull();
});
