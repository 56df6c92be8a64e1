import { describe, expect, it } from 'vitest';
import { invalidated, isSafe } from '../../../../src/cache/rules/invalidation.ts';
import { fieldsIn, requestOf } from './stored-of.ts';

describe('what a request invalidates (RFC 9111 §4.4)', () => {
  it.each([
    ['POST', 200, true],
    ['PUT', 204, true],
    ['DELETE', 200, true],
    ['PATCH', 303, true],
    ['M-SEARCH', 200, true],
    ['FOO', 399, true],
    ['get', 200, true], // another method than GET, and nobody knows that it is safe
    ['POST', 404, false],
    ['POST', 500, false],
    ['POST', 101, false],
    ['GET', 200, false],
    ['HEAD', 200, false],
    ['OPTIONS', 200, false],
    ['TRACE', 200, false],
    ['PROPFIND', 207, false],
    ['QUERY', 200, false],
  ])('%s answered %i: the target %j', (method, status, isTarget) => {
    expect(invalidated(requestOf('', { method }), { status, fields: [] })).toEqual({ isTarget, others: [] });
  });

  it.each<[string, string[]]>([
    ['Location: /b', ['/b']],
    ['Content-Location: c', ['/dir/c']],
    ['Location: ../b?x=1#top', ['/b?x=1']],
    ['Location: http://example.com/b', ['/b']],
    ['Location: http://EXAMPLE.com:80/b', ['/b']],
    ['Location: //example.com/b', ['/b']],
    ['Location: ?other', ['/dir/a?other']],
    ['Location: /b\nContent-Location: /c', ['/b', '/c']],
    ['Location: /dir/a?q', []], // the target itself
    ['Location: ', []],
    ['Location: https://example.com/b', []],
    ['Location: http://example.com:8080/b', []],
    ['Location: http://other.example/b', []],
    ['Location: http://[', []],
    ['Location: javascript:alert(1)', []],
    ['Location: /b%2f', ['/b%2f']],
    ['Location: /%7Eb', ['/~b']],
    ['Refresh: /b', []],
    [Array.from({ length: 9 }, (_, i) => `Location: /${i}`).join('\n'), ['/0', '/1', '/2', '/3']],
  ])('%j: also %j, of the same origin alone', (lines, others) => {
    const request = requestOf('', { method: 'POST', pathAndQuery: '/dir/a?q' });
    expect(invalidated(request, { status: 201, fields: fieldsIn(lines) })).toEqual({ isTarget: true, others });
  });

  it('takes the port and the scheme of the request, and IPv6 addresses', () => {
    const authority = { host: '2001:db8::1', kind: 'ipv6', port: 8443 } as const;
    const request = requestOf('', { method: 'POST', scheme: 'https', authority });
    expect(invalidated(request, { status: 201, fields: fieldsIn('Location: https://[2001:db8::1]:8443/b') }).others).toEqual(['/b']);
    expect(invalidated(request, { status: 201, fields: fieldsIn('Location: https://[2001:db8::1]/b') }).others).toEqual([]);
  });

  it('a safe method is one that is registered as safe (RFC 9110 §16.1.1)', () => {
    expect(['GET', 'REPORT', 'SEARCH'].every(isSafe)).toBe(true);
    expect(['POST', 'PUT', 'DELETE', 'CONNECT', 'get', ''].some(isSafe)).toBe(false);
  });
});
