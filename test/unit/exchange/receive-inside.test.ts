import { describe, expect, it } from 'vitest';
import { ProxyError } from '../../../src/errors/proxy-error.ts';
import type { OpenedTunnel } from '../../../src/exchange/exchange.ts';
import { destinationInside } from '../../../src/exchange/receive-inside.ts';
import { parseTarget } from '../../../src/http/target.ts';

describe('a request inside an opened tunnel', () => {
  it.each([
    ['GET', '/a?b', 'example.com', 'https://example.com/a?b'],
    ['GET', '/a', 'example.com:443', 'https://example.com/a'],
    ['GET', '/a', 'EXAMPLE.com.', 'https://example.com/a'],
    ['GET', 'https://example.com/a', 'example.com', 'https://example.com/a'],
    ['GET', 'https://example.com:443/a', undefined, 'https://example.com/a'],
    ['OPTIONS', '*', 'example.com', 'https://example.com'],
    ['OPTIONS', 'https://example.com', undefined, 'https://example.com'],
    ['GET', '/', undefined, 'https://example.com/'],
  ])('%s %s with Host %s goes where the CONNECT went', (method, target, host, uri) => {
    expect(destinationOf(method, target, host).uri).toBe(uri);
  });

  it.each([
    ['another Host (RFC 9110 §7.4)', '/', 'other.example', /the request is for other\.example in a tunnel to example\.com/],
    ['another port in Host', '/', 'example.com:8443', /the request is for example\.com:8443/],
    ['a name below it', '/', 'www.example.com', /www\.example\.com/],
    ['another authority in the target', 'https://other.example/', undefined, /https:\/\/other\.example:443/],
    ['another scheme in the target', 'http://example.com:443/', 'example.com', /http:\/\/example\.com:443/],
    ['a Host that contradicts the target', 'https://example.com/', 'other.example', /other\.example/],
  ])('is misdirected (421) with %s', (_, target, host, message) => {
    expect(refusal(() => destinationOf('GET', target, host))).toMatchObject({ status: 421, message: expect.stringMatching(message) });
  });

  it('is misdirected (421) where TLS was begun with another name than the CONNECT was for', () => {
    const tunnel = { ...TUNNEL, serverName: 'front.example' };
    expect(refusal(() => destinationOf('GET', '/', 'example.com', tunnel))).toMatchObject({
      status: 421,
      message: 'One tunnel leads to one place: TLS was begun with front.example in a tunnel to example.com.',
    });
  });

  it('is misdirected (421) where TLS was begun with a name in a tunnel to an address', () => {
    const tunnel: OpenedTunnel = { ...TUNNEL, authority: { host: '192.0.2.1', kind: 'ipv4', port: 443 } };
    expect(refusal(() => destinationOf('GET', '/', 'example.com', tunnel))).toMatchObject({ status: 421 });
    expect(destinationOf('GET', '/', '192.0.2.1', { ...tunnel, serverName: null }).uri).toBe('https://192.0.2.1/');
  });

  it('is refused when it asks for a tunnel of its own', () => {
    expect(refusal(() => destinationOf('CONNECT', 'example.com:443', 'example.com'))).toMatchObject({ status: 405 });
  });

  it('names the port that is not the default of its scheme', () => {
    const tunnel: OpenedTunnel = { ...TUNNEL, authority: { host: 'example.com', kind: 'name', port: 8443 } };
    expect(destinationOf('GET', '/', 'example.com:8443', tunnel).uri).toBe('https://example.com:8443/');
    expect(refusal(() => destinationOf('GET', '/', 'example.com', tunnel))).toMatchObject({ status: 421 });
  });

  it('in plain HTTP has the scheme http, and its default port', () => {
    const tunnel: OpenedTunnel = {
      ...TUNNEL,
      scheme: 'http',
      serverName: null,
      authority: { host: 'example.com', kind: 'name', port: 80 },
    };
    expect(destinationOf('GET', '/', 'example.com', tunnel).uri).toBe('http://example.com/');
  });
});

const TUNNEL: OpenedTunnel = {
  connectId: 1,
  authority: { host: 'example.com', kind: 'name', port: 443 },
  scheme: 'https',
  serverName: 'example.com',
  decision: null,
  identity: 'nobody',
};

function destinationOf(method: string, target: string, host: string | undefined, tunnel = TUNNEL): { readonly uri: string } {
  return destinationInside(tunnel, parseTarget(method, target), host === undefined ? [] : [{ name: 'Host', value: host }]);
}

function refusal(refused: () => unknown): ProxyError {
  try {
    refused();
  } catch (error) {
    if (error instanceof ProxyError) return error;
    throw error;
  }
  throw new Error('it was not refused');
}
