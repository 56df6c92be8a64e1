// The page that helps to trust the certificate: its words for every platform, its three forms, and that it runs nothing and repeats nothing as it came.
import { hash } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ONBOARDING_FIELDS, type OnboardingFacts, renderCheck, renderOnboarding } from '../../../src/pages/onboarding-page.ts';
import { ONBOARDING_STYLE, TRUSTED_STYLE } from '../../../src/pages/onboarding-style.ts';
import { detectPlatform, PLATFORMS, type Platform } from '../../../src/pages/platform.ts';
import { trustSteps } from '../../../src/pages/trust-steps.ts';

const FINGERPRINT = Array.from({ length: 32 }, (_, at) => (at + 160).toString(16).toUpperCase()).join(':');
const FACTS: OnboardingFacts = {
  reached: 'directly',
  base: 'http://proxy.example:3128',
  hasPac: true,
  certificate: { name: 'Sallyport CA', fingerprint: FINGERPRINT, validUntilMs: Date.UTC(2031, 10, 21) },
  platform: 'windows',
  clientAddress: '192.0.2.1',
  trustedAtMs: null,
  proxyName: 'sally',
};
const ALL = Object.keys(PLATFORMS) as Platform[];

const html = (facts: Partial<OnboardingFacts> = {}) => renderOnboarding({ ...FACTS, ...facts }, 'text/html').bytes.toString();
const json = (facts: Partial<OnboardingFacts> = {}) =>
  JSON.parse(renderOnboarding({ ...FACTS, ...facts }, 'application/json').bytes.toString());
const text = (facts: Partial<OnboardingFacts> = {}) => renderOnboarding({ ...FACTS, ...facts }, '*/*').bytes.toString();

describe('a platform is taken from the request', () => {
  it.each<[string, string, Platform]>([
    [
      'Edge on Windows',
      'Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/130.0 Safari/537.36 Edg/130.0',
      'windows',
    ],
    [
      'Safari on macOS',
      'Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.4 Safari/605.1.15',
      'macos',
    ],
    [
      'Safari on an iPhone',
      'Mozilla/5.0 (iPhone; CPU iPhone OS 17_4 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/15E148 Safari/604.1',
      'ios',
    ],
    [
      'Chrome on Android',
      'Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/130.0 Mobile Safari/537.36',
      'android',
    ],
    ['Firefox on Android', 'Mozilla/5.0 (Android 14; Mobile; rv:130.0) Gecko/130.0 Firefox/130.0', 'android'],
    ['Firefox on Windows', 'Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:130.0) Gecko/20100101 Firefox/130.0', 'firefox'],
    ['Firefox on Linux', 'Mozilla/5.0 (X11; Linux x86_64; rv:130.0) Gecko/20100101 Firefox/130.0', 'firefox'],
    [
      'Chromium on Linux',
      'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/130.0 Safari/537.36',
      'chromium-linux',
    ],
    ['Epiphany', 'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.0 Safari/605.1.15', 'debian'],
    [
      'Epiphany on Fedora',
      'Mozilla/5.0 (X11; Fedora; Linux x86_64) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.0 Safari/605.1.15',
      'fedora',
    ],
    ['Java', 'Java-http-client/21.0.2', 'java'],
    ['curl', 'curl/8.5.0', 'command-line'],
    ['nobody', '', 'command-line'],
  ])('%s', (_, agent, platform) => {
    expect(detectPlatform(agent, undefined)).toBe(platform);
  });

  it('and rather from Sec-CH-UA-Platform, which is not frozen', () => {
    expect(detectPlatform('Mozilla/5.0 (X11; Linux x86_64) Chrome/130.0', '"Windows"')).toBe('windows');
    expect(detectPlatform('Mozilla/5.0 (Windows NT 10.0) Chrome/130.0', '"Unknown"')).toBe('windows');
    expect(detectPlatform(undefined, undefined)).toBe('command-line');
  });
});

describe('the steps', () => {
  it.each(ALL)('for %s say how to trust the certificate and how to stop', (platform) => {
    const { trust, remove, note, title } = trustSteps(platform, 'Sallyport CA', 'http://proxy.example:3128', true);
    expect(title).toBe(PLATFORMS[platform]);
    expect(trust.length).toBeGreaterThan(1);
    expect(remove.length).toBeGreaterThan(0);
    for (const { text: words, command } of [...trust, ...remove]) {
      expect(words === '' ? command : words).toMatch(/^[A-Za-z].{8,150}$/);
      expect(words).toMatch(words === '' ? /^$/ : command === null ? /\.$/ : /:$/);
    }
    expect(note ?? 'Nothing.').toMatch(/^[A-Z].*\.$/);
  });

  it.each(ALL)('for %s hold no name in a command that could be more than an argument', (platform) => {
    const { trust, remove } = trustSteps(platform, '"; rm -rf / #$(reboot)`', 'http://proxy.example', false);
    for (const { command } of [...trust, ...remove]) expect(command ?? '').not.toMatch(/rm -rf|reboot|`/);
  });

  it('get the certificate from our own address without the proxy, which would refuse that', () => {
    expect(html({ platform: 'debian' })).toContain(
      'curl --noproxy &#39;*&#39; -o sallyport-ca.crt http://proxy.example:3128/certificate.crt',
    );
    expect(html({ platform: 'debian', reached: 'through-proxy', base: 'http://sallyport.invalid' })).toContain(
      'curl -o sallyport-ca.crt http://sallyport.invalid/certificate.crt',
    );
  });
});

describe('the page', () => {
  it.each(ALL)('for %s names the certificate, its fingerprint, the file and what trusting means', (platform) => {
    const page = html({ platform });
    expect(page.replaceAll(/<\/?span>/g, '').replaceAll(' ', '')).toContain(FINGERPRINT.slice(0, 23));
    expect(page).toContain('sallyport ca show');
    expect(page).toContain('can read and change what you exchange with any site');
    expect(page).toMatch(/class="download" href="\/certificate\.(?:cer|crt)"/);
    expect(page).toContain(`<b aria-current="page">${PLATFORMS[platform]}</b>`);
    expect(page).toContain('To stop trusting it');
    expect(text({ platform })).toContain(FINGERPRINT.slice(0, 47));
  });

  it('is in the form that Accept asks for', () => {
    expect(renderOnboarding(FACTS, 'text/html').contentType).toBe('text/html;charset=utf-8');
    expect(renderOnboarding(FACTS, 'application/json').contentType).toBe('application/json');
    expect(renderOnboarding(FACTS, undefined).contentType).toBe('text/plain;charset=utf-8');
  });

  it('has the same members in JSON, with a certificate or without', () => {
    expect(json()).toMatchObject({
      proxy: 'sally',
      address: 'http://proxy.example:3128',
      pac: 'http://proxy.example:3128/proxy.pac',
      certificate: { sha256: FINGERPRINT, valid_until: '2031-11-21T00:00:00.000Z', pem: 'http://proxy.example:3128/certificate.pem' },
      trusted_at: null,
      platform: 'windows',
    });
    expect(Object.keys(json({ certificate: null, hasPac: false }))).toEqual(Object.keys(json()));
    expect(json({ certificate: null, hasPac: false })).toMatchObject({ pac: null, certificate: null, trust: [], remove: [] });
  });

  it('says that there is nothing to trust while no tunnel is opened', () => {
    for (const page of [html({ certificate: null }), text({ certificate: null })]) {
      expect(page).toContain('there is no certificate to trust');
      expect(page).not.toContain('certificate.');
      expect(page).not.toContain('trusted.css');
    }
  });

  it.each([
    ['not yet', {}, 'Not trusted yet', true],
    [
      'since a program at the address got an answer',
      { trustedAtMs: Date.UTC(2026, 0, 1, 12, 3, 11) },
      'At 12:03:11 UTC a program at your address, 192.0.2.1,',
      false,
    ],
    ['when it came through an opened tunnel itself', { reached: 'opened' }, 'through an opened tunnel', false],
  ] as const)('tells whether it is trusted: %s', (_, facts, words, asks) => {
    expect(html(facts)).toContain(words);
    // The style sheet that only those get who trust the certificate; asked for last, so that nothing waits for it.
    expect(html(facts).includes('</main>\n<link rel="stylesheet" href="https://sallyport.invalid/trusted.css">')).toBe(asks);
    expect(html(facts).includes('Not trusted yet')).toBe(asks);
  });

  it('runs, frames and sends nothing, and loads nothing but that style sheet', () => {
    const policy = ONBOARDING_FIELDS.find(({ name }) => name === 'Content-Security-Policy')!.value;
    expect(policy).toBe(
      `default-src 'none'; style-src 'sha256-${hash('sha256', ONBOARDING_STYLE, 'base64')}' https://sallyport.invalid/trusted.css; base-uri 'none'; form-action 'none'; frame-ancestors 'none'`,
    );
    for (const page of ALL.map((platform) => html({ platform }))) {
      expect(page).toContain(`<style>${ONBOARDING_STYLE}</style>`);
      expect(page).not.toMatch(/<script|<iframe|<img|<form|<object| on[a-z]+=| style=/);
    }
    expect(ONBOARDING_STYLE).not.toMatch(/url\(|@import|@font-face|<\//);
  });

  it('hides and shows with the style sheet what is there to be hidden and shown', () => {
    for (const [, name] of TRUSTED_STYLE.matchAll(/\.([a-z]+)\{/g)) expect(html()).toMatch(new RegExp(`class="state [a-z ]*\\b${name}\\b`));
  });

  it('repeats nothing that would be more than text, whatever the names are', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 300 }), fc.constantFrom(...ALL), (hostile, platform) => {
        const facts = {
          platform,
          proxyName: `<b>${hostile}`,
          clientAddress: hostile,
          certificate: { ...FACTS.certificate!, name: `"><script>${hostile}` },
        };
        for (const page of [html(facts), html({ ...facts, trustedAtMs: 0 })]) {
          expect(page).not.toContain('<script');
          expect(page.match(/<b>/g)?.length ?? 0).toBeLessThanOrEqual(3);
        }
        expect(text(facts)).toMatch(/^[^\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202a-\u202e]*$/);
        expect(json(facts).platform).toBe(platform);
      }),
      { numRuns: 100 },
    );
  });

  it('fits a terminal but for what is to be copied', () => {
    for (const line of ALL.flatMap((platform) => text({ platform }).split('\n')))
      if (!line.startsWith('  ')) expect(line.length).toBeLessThanOrEqual(76);
  });
});

describe('the check', () => {
  const check = (facts: Partial<OnboardingFacts>, attempt: number) => renderCheck({ ...FACTS, ...facts }, attempt).bytes.toString();

  it('looks again until the certificate is trusted, and not for ever', () => {
    expect(check({}, 1)).toContain('<meta http-equiv="refresh" content="3;url=/check?2">');
    expect(check({}, 1)).toContain('trusted.css');
    expect(check({ trustedAtMs: 0 }, 2)).not.toContain('refresh');
    for (const attempt of [40, 41, 1e9, Number.POSITIVE_INFINITY]) expect(check({}, attempt)).not.toContain('refresh');
    expect(check({ certificate: null }, 1)).not.toContain('refresh');
  });
});

describe('the style', () => {
  const blocks = [...ONBOARDING_STYLE.matchAll(/:root\{([^}]*)\}/g)].map((block) => block[1]!);

  it.each([
    ['light', `${blocks[0]}${blocks[2]}`],
    ['dark', `${blocks[1]}${blocks[3]}`],
  ])('gives every text at least 4.5:1 in %s (WCAG 2.2 §1.4.3)', (_, block) => {
    const colours = new Map([...block.matchAll(/--([a-z-]+):(#[0-9a-f]{6})/g)].map((match) => [match[1]!, luminance(match[2]!)]));
    const pairs = [
      ['ink', 'wait-card'],
      ['ink', 'good-card'],
      ['ink', 'care-card'],
      ['good', 'good-card'],
      ['care', 'care-card'],
      ['card', 'info'],
    ] as const;
    for (const [one, other] of pairs) {
      const [a, b] = [colours.get(one)!, colours.get(other)!];
      expect((Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05), `${one} on ${other}`).toBeGreaterThanOrEqual(4.5);
    }
  });
});

/** Relative luminance (WCAG 2.2). */
function luminance(colour: string): number {
  const [red, green, blue] = [1, 3, 5].map((at) => {
    const share = Number.parseInt(colour.slice(at, at + 2), 16) / 255;
    return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * red! + 0.7152 * green! + 0.0722 * blue!;
}
