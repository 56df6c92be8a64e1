import { createContext, runInContext } from 'node:vm';
import { describe, expect, it } from 'vitest';
import { ProxyError } from '../../../src/errors/proxy-error.ts';
import { pacScript } from '../../../src/pages/pac.ts';

const PROXY = 'proxy.example:3128';

/** What a browser would make of the script: it is called with the URL and its host without brackets. */
function ask(script: string, url: string): unknown {
  const engine = createContext({});
  runInContext(script, engine);
  const host = new URL(url).hostname.replace(/^\[|\]$/g, '');
  return runInContext(`FindProxyForURL(${JSON.stringify(url)}, ${JSON.stringify(host)})`, engine);
}

describe('the script that configures browsers', () => {
  it.each([
    // what is listed, what is direct, what is not
    { listed: '.localhost', direct: ['http://a.localhost/', 'http://localhost:8080/'], proxied: ['http://alocalhost.example/'] },
    { listed: 'shop.example', direct: ['http://shop.example/', 'http://SHOP.example./'], proxied: ['http://www.shop.example/'] },
    { listed: '.shop.example', direct: ['https://shop.example/', 'wss://a.b.shop.example/'], proxied: ['https://xshop.example/'] },
    { listed: '*.shop.example', direct: ['http://www.shop.example/'], proxied: ['http://shop.example/', 'http://a.b.shop.example/'] },
    { listed: 'bücher.example', direct: ['http://bücher.example/', 'http://xn--bcher-kva.example/'], proxied: ['http://bucher.example/'] },
    { listed: '10.0.0.0/8', direct: ['http://10.255.0.1/', 'ws://10.0.0.1:81/'], proxied: ['http://11.0.0.1/', 'http://10.example/'] },
    { listed: '192.0.2.128/25', direct: ['http://192.0.2.128/'], proxied: ['http://192.0.2.127/', 'http://192.0.2.1/'] },
    { listed: '192.0.2.7', direct: ['http://192.0.2.7/'], proxied: ['http://192.0.2.70/'] },
    { listed: '0.0.0.0/0', direct: ['http://198.51.100.1/'], proxied: ['http://[2001:db8::1]/', 'http://a.example/'] },
    { listed: '2001:db8::/33', direct: ['http://[2001:db8:7fff::1]/'], proxied: ['http://[2001:db8:8000::1]/', 'http://32.1.13.184/'] },
    { listed: '::/8', direct: ['http://[::1]/', 'http://[::]/', 'http://[0:1:2:3:4:5:6:7]/'], proxied: ['http://[2001:db8::1]/'] },
    { listed: '[2001:db8::1]', direct: ['http://[2001:DB8:0::1]/'], proxied: ['http://[2001:db8::2]/'] },
    { listed: 'shop.example:8080', direct: ['http://shop.example:8080/:1'], proxied: ['http://shop.example/', 'http://shop.example:808/'] },
    {
      listed: 'shop.example:443',
      direct: ['https://shop.example/', 'wss://shop.example/'],
      proxied: ['http://shop.example/', 'ws://shop.example/'],
    },
    { listed: '[2001:db8::1]:80', direct: ['http://[2001:db8::1]/'], proxied: ['https://[2001:db8::1]/', 'http://[2001:db8::1]:81/'] },
    { listed: '*', direct: ['http://shop.example/', 'https://[2001:db8::1]/'], proxied: [] },
    { listed: '*:8080', direct: ['http://shop.example:8080/'], proxied: ['http://shop.example/'] },
  ])('sends what $listed covers to its host, and the rest to the proxy', ({ listed, direct, proxied }) => {
    const script = pacScript({ direct: [listed], proxy: PROXY });
    expect(direct.map((url) => [url, ask(script, url)])).toEqual(direct.map((url) => [url, 'DIRECT']));
    expect(proxied.map((url) => [url, ask(script, url)])).toEqual(proxied.map((url) => [url, `PROXY ${PROXY}`]));
  });

  it('reaches hosts without a dot directly, and not an IPv6 address for having none', () => {
    const script = pacScript({ direct: [], proxy: PROXY });
    expect(ask(script, 'https://wiki/')).toBe('DIRECT');
    expect(ask(script, 'https://[2001:db8::1]/')).toBe(`PROXY ${PROXY}`);
  });

  it('takes a host in brackets, and a URL of another kind', () => {
    const script = pacScript({ direct: ['[::1]:443', 'shop.example:21'], proxy: '[2001:db8::5]:3128' });
    const engine = createContext({});
    runInContext(script, engine);
    expect(runInContext('FindProxyForURL("https://[::1]/", "[::1]")', engine)).toBe('DIRECT');
    expect(runInContext('FindProxyForURL("ftp://shop.example/", "shop.example")', engine)).toBe('PROXY [2001:db8::5]:3128');
    expect(runInContext('FindProxyForURL("", "a.b")', engine)).toBe('PROXY [2001:db8::5]:3128');
  });

  it('asks nobody and remembers nothing: it needs no function of the browser', () => {
    expect(pacScript({ direct: ['10.0.0.0/8'], proxy: PROXY })).not.toMatch(/dnsResolve|isInNet|myIpAddress|isResolvable/);
  });

  it.each(['"+alert(1)+"', "'); evil(); ('", '\u2028evil()', '$&$`', '</script>'])('keeps %j a text', (hostile) => {
    const script = pacScript({ direct: [], proxy: hostile });
    expect(script).toMatch(/^[\n\x20-\x7e]*$/);
    expect(ask(script, 'http://shop.example/')).toBe(`PROXY ${hostile}`);
  });

  it('refuses a destination that is none', () => {
    expect(() => pacScript({ direct: ['http://x/'], proxy: PROXY })).toThrow(ProxyError);
  });
});
