import { describe, expect, it } from 'vitest';
import { plainHttp } from '../../../src/tls/plain-http.ts';

const PREFACE = 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n';

describe('what a client begins with', () => {
  it.each([
    ['GET / HTTP/1.1\r\n', 'http/1.1'],
    ['GET / HTTP/1.0\n', 'http/1.1'],
    ['\r\nPOST /a?b=c HTTP/1.1\r\nHost: a\r\n', 'http/1.1'],
    ['M-SEARCH * HTTP/1.1\r\n', 'http/1.1'],
    ['PRI * HTTP/1.1\r\n', 'http/1.1'],
    [`GET /${'a'.repeat(16_000)} HTTP/1.1\r\n`, 'http/1.1'],
    [PREFACE, 'h2'],
    [`${PREFACE}\0\0\0\x04`, 'h2'],
    ['SSH-2.0-OpenSSH_9.2p1 Debian-2\r\n', 'other'],
    ['EHLO mail.example\r\n', 'other'],
    ['NICK somebody\r\n', 'other'],
    ['GET /\r\n', 'other'],
    ['GET / HTTP/2.0\r\n', 'other'],
    ['GET / HTTP/1.1 \r\n', 'other'],
    ['GET  / HTTP/1.1\r\n', 'other'],
    [' GET / HTTP/1.1\r\n', 'other'],
    ['\r\n\r\nGET / HTTP/1.1\r\n', 'other'],
    [PREFACE.replace('SM', 'XX'), 'other'],
    ['G\xffT / HTTP/1.1\r\n', 'other'],
    ['\0', 'other'],
    [`${'A'.repeat(33)}`, 'other'],
    [`GET /${'a'.repeat(20_000)}`, 'other'],
  ])('%j is %s', (text, expected) => {
    expect(plainHttp(Buffer.from(text, 'latin1'))).toBe(expected);
  });

  it('nothing is not enough', () => {
    expect(plainHttp(Buffer.alloc(0))).toBe('need-more');
  });

  it('cut off at any octet more is needed, up to the end of the line', () => {
    for (const text of ['GET /a HTTP/1.1\r\n', '\r\nGET / HTTP/1.1\n', PREFACE]) {
      const bytes = Buffer.from(text);
      for (let cut = 0; cut < bytes.length; cut += 1) expect(plainHttp(bytes.subarray(0, cut)), `${text} after ${cut}`).toBe('need-more');
    }
  });
});
