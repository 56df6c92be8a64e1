import { describe, expect, it } from 'vitest';
import { ProxyError } from '../../../src/errors/proxy-error.ts';
import { CHUNKED, requestFraming, responseFraming, UNTIL_CLOSE } from '../../../src/http/framing.ts';
import type { Fields, HttpVersion } from '../../../src/http/message.ts';

describe('requestFraming (RFC 9112 §6.3)', () => {
  it.each<[string, HttpVersion, Fields, number]>([
    ['no framing field means no content', '1.1', [], 0],
    ['other fields change nothing', '1.1', fields('Content-Type: text/plain', 'X-Content-Length: 5', 'Transfer-Encodin: x'), 0],
    ['a length', '1.1', fields('Content-Length: 5'), 5],
    ['a length in HTTP/1.0', '1.0', fields('Content-Length: 5'), 5],
    ['a length of zero', '1.1', fields('content-length: 0'), 0],
    ['a length with leading zeros', '1.1', fields('CONTENT-LENGTH: 0005'), 5],
    ['the largest length that is read', '1.1', fields('Content-Length: 999999999999999'), 999_999_999_999_999],
    ['chunked', '1.1', fields('Transfer-Encoding: chunked'), CHUNKED],
    ['chunked in any case (§7)', '1.1', fields('tRaNsFeR-eNcOdInG: CHUNKED'), CHUNKED],
  ])('%s', (_, version, list, framing) => {
    expect(requestFraming(version, list)).toBe(framing);
  });

  it.each<[string, number, HttpVersion, Fields]>([
    ['both framing fields (§6.1)', 400, '1.1', fields('Content-Length: 5', 'Transfer-Encoding: chunked')],
    ['both framing fields, the coding first', 400, '1.1', fields('Transfer-Encoding: chunked', 'Content-Length: 5')],
    ['a length of zero beside a coding', 400, '1.1', fields('Content-Length: 0', 'Transfer-Encoding: chunked')],
    ['an unknown coding beside a length', 400, '1.1', fields('Content-Length: 5', 'Transfer-Encoding: gzip')],
    ['an empty coding beside a length', 400, '1.1', fields('Content-Length: 5', 'Transfer-Encoding:')],
    ['two lengths that differ', 400, '1.1', fields('Content-Length: 5', 'Content-Length: 6')],
    ['two lengths that agree', 400, '1.1', fields('Content-Length: 5', 'content-length: 5')],
    ['a length and an empty one', 400, '1.1', fields('Content-Length: 5', 'Content-Length:')],
    ...['', '5,5', '5, 5', '5;', '+5', '-5', '0x5', '5.0', '5e0', '1_000', '1 0', '5 ;', '٥', '\xb2', '\xa05', '5\x0b', 'five', '"5"'].map(
      (value): [string, number, HttpVersion, Fields] => [
        `the length ${JSON.stringify(value)}`,
        400,
        '1.1',
        [{ name: 'Content-Length', value }],
      ],
    ),
    ['a length of 16 digits', 400, '1.1', fields('Content-Length: 1000000000000000')],
    ['a length of 2^64 + 5', 400, '1.1', fields('Content-Length: 18446744073709551621')],
    ['a length of many zeros', 400, '1.1', fields(`Content-Length: ${'0'.repeat(16)}5`)],
    ['a coding in HTTP/1.0 (§6.1)', 400, '1.0', fields('Transfer-Encoding: chunked')],
    ['a coding that is not served here (§6.1)', 501, '1.1', fields('Transfer-Encoding: gzip, chunked')],
    ['the same over two lines', 501, '1.1', fields('Transfer-Encoding: gzip', 'Transfer-Encoding: chunked')],
    ['chunked twice (§6.1)', 400, '1.1', fields('Transfer-Encoding: chunked, chunked')],
    ['chunked twice over two lines', 400, '1.1', fields('Transfer-Encoding: chunked', 'transfer-encoding: chunked')],
    ...[
      '',
      'gzip',
      'identity',
      'chunked, gzip',
      'chunked,',
      ',chunked',
      ' chunked',
      '\xa0chunked',
      'chunked\xa0',
      '\x0bchunked',
      '"chunked"',
      "'chunked'",
    ].map((value): [string, number, HttpVersion, Fields] => [
      `the coding ${JSON.stringify(value)}`,
      400,
      '1.1',
      [{ name: 'Transfer-Encoding', value }],
    ]),
    ...['xchunked', 'chunkedx', 'chunked;q=1', 'chun ked', 'chunked\tx', 'chunKed\u0130'].map(
      (value): [string, number, HttpVersion, Fields] => [
        `the coding ${JSON.stringify(value)}`,
        400,
        '1.1',
        [{ name: 'Transfer-Encoding', value }],
      ],
    ),
  ])('refuses %s with %i', (_, status, version, list) => {
    expect(thrownBy(() => requestFraming(version, list))).toMatchObject({ code: 'http_request_error', status });
  });
});

describe('responseFraming (RFC 9112 §6.3)', () => {
  it.each<[string, Fields, number]>([
    ['no framing field: until the connection closes (rule 8)', [], UNTIL_CLOSE],
    ['a length', fields('Content-Length: 5'), 5],
    ['the same length twice, of which one is kept (rule 5)', fields('Content-Length: 5', 'content-length: 5'), 5],
    ['chunked', fields('Transfer-Encoding: Chunked'), CHUNKED],
    ['identity, which changes nothing, until the connection closes (rule 4)', fields('Transfer-Encoding: identity'), UNTIL_CLOSE],
  ])('%s', (_, list, framing) => {
    expect(responseFraming(list, '1.1')).toBe(framing);
  });

  it('HTTP/1.0 has a length or runs until the connection closes', () => {
    expect(responseFraming(fields('Content-Length: 7'), '1.0')).toBe(7);
    expect(responseFraming([], '1.0')).toBe(UNTIL_CLOSE);
  });

  it.each<[string, string, Fields, HttpVersion]>([
    ['both framing fields', 'http_protocol_error', fields('Content-Length: 5', 'Transfer-Encoding: chunked'), '1.1'],
    ['identity beside a length', 'http_protocol_error', fields('Content-Length: 5', 'Transfer-Encoding: identity'), '1.1'],
    ['two lengths that differ', 'http_protocol_error', fields('Content-Length: 5', 'Content-Length: 6'), '1.1'],
    ['two spellings of one length', 'http_protocol_error', fields('Content-Length: 5', 'Content-Length: 05'), '1.1'],
    [
      'the same length three times, the last one wrong',
      'http_protocol_error',
      fields('Content-Length: 5', 'Content-Length: 5', 'Content-Length: 4'),
      '1.1',
    ],
    ['a list of lengths', 'http_protocol_error', fields('Content-Length: 5, 5'), '1.1'],
    ['an empty length', 'http_protocol_error', fields('Content-Length:'), '1.1'],
    ['a negative length', 'http_protocol_error', fields('Content-Length: -1'), '1.1'],
    ['a coding in HTTP/1.0 (§6.1)', 'http_protocol_error', fields('Transfer-Encoding: chunked'), '1.0'],
    ['an empty coding', 'http_response_transfer_coding', fields('Transfer-Encoding:'), '1.1'],
    ['a coding that would have to be decoded', 'http_response_transfer_coding', fields('Transfer-Encoding: gzip'), '1.1'],
    ['a coding below chunked', 'http_response_transfer_coding', fields('Transfer-Encoding: gzip, chunked'), '1.1'],
    ['chunked twice', 'http_response_transfer_coding', fields('Transfer-Encoding: chunked', 'Transfer-Encoding: chunked'), '1.1'],
    ['a coding that looks like chunked', 'http_response_transfer_coding', fields('Transfer-Encoding: xchunked'), '1.1'],
  ])('refuses %s with 502', (_, code, list, version) => {
    expect(thrownBy(() => responseFraming(list, version))).toMatchObject({ code, status: 502 });
  });
});

function fields(...lines: string[]): Fields {
  return lines.map((line) => {
    const colon = line.indexOf(':');
    return { name: line.slice(0, colon), value: line.slice(colon + 1).replace(/^[ \t]+|[ \t]+$/g, '') };
  });
}

function thrownBy(act: () => unknown): ProxyError {
  try {
    act();
  } catch (error) {
    if (error instanceof ProxyError) return error;
    throw error;
  }
  throw new Error('nothing was refused');
}
