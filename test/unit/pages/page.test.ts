import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { fieldValue } from '../../../src/http/fields.ts';
import { nextStepFor } from '../../../src/pages/error-page.ts';
import { PAGE_FIELDS, type PageFacts, renderPage } from '../../../src/pages/page.ts';
import { PAGE_STYLE } from '../../../src/pages/page-style.ts';

const DENIAL: PageFacts = {
  status: 403,
  reason: 'Forbidden',
  kind: 'denied',
  code: 'http_request_denied',
  message: 'social.example.com may not be visited through this proxy.',
  blame: 'client',
  method: 'GET',
  target: 'https://social.example.com',
  decision: 'Denied by the rule "no social media" (policies/allowlist.yaml:14).',
  ruleMessage: 'Ask Kim in room 214 if you need it for a study.',
  nextStep: nextStepFor('http_request_denied', 403),
  flowId: '18423',
  proxyName: 'sallyport-7f3a',
};
const FAILURE: PageFacts = {
  ...DENIAL,
  status: 502,
  reason: 'Bad Gateway',
  kind: 'failed',
  code: 'dns_error',
  message: 'No address is known for www.exmaple.com.',
  blame: 'origin',
  target: 'http://www.exmaple.com',
  decision: null,
  ruleMessage: null,
  nextStep: nextStepFor('dns_error', 502),
};
const GREETING: PageFacts = {
  ...FAILURE,
  status: 200,
  reason: 'OK',
  kind: 'info',
  code: null,
  target: '',
  message: 'You opened the port itself.',
};

const html = (facts: PageFacts) => renderPage(facts, 'text/html').bytes.toString();
const json = (facts: PageFacts) => JSON.parse(renderPage(facts, 'application/json').bytes.toString());
const text = (facts: PageFacts) => renderPage(facts, '*/*').bytes.toString();

/** A page whose every fact that can hold foreign text holds this one. */
const filledWith = (hostile: string): PageFacts => ({
  ...DENIAL,
  reason: hostile,
  message: hostile,
  method: hostile,
  target: hostile,
  decision: hostile,
  ruleMessage: hostile,
  nextStep: hostile,
  flowId: hostile,
  proxyName: hostile,
});

describe('a page', () => {
  it('comes in the form that Accept asks for, with its type', () => {
    expect(renderPage(DENIAL, 'text/html').contentType).toBe('text/html;charset=utf-8');
    expect(renderPage(DENIAL, 'application/json').contentType).toBe('application/problem+json');
    expect(renderPage(GREETING, 'application/json').contentType).toBe('application/json');
    expect(renderPage(DENIAL, undefined).contentType).toBe('text/plain;charset=utf-8');
  });

  it('may neither run, load nor send anything, and is not stored', () => {
    expect(fieldValue(PAGE_FIELDS, 'content-security-policy')).toMatch(/^default-src 'none'; style-src 'sha256-[A-Za-z0-9+/]{43}='; /);
    expect(fieldValue(PAGE_FIELDS, 'x-content-type-options')).toBe('nosniff');
    expect(fieldValue(PAGE_FIELDS, 'cache-control')).toBe('no-store');
    expect(fieldValue(PAGE_FIELDS, 'referrer-policy')).toBe('no-referrer');
  });
});

describe('the HTML form', () => {
  it('says in order what happened, who decided, which rule, what to do, and what to quote', () => {
    const page = html(DENIAL);
    const places = [
      '<h1>This proxy does not allow',
      'social.example.com may',
      'Who decided',
      'allowlist.yaml:14',
      'Ask Kim',
      'What to do',
      'Exchange 18423',
    ];
    const found = places.map((place) => page.indexOf(place));
    expect(found).not.toContain(-1);
    expect(found).toEqual(found.toSorted((a, b) => a - b));
  });

  it('makes a sentence of the reason that the policy gives', () => {
    expect(html({ ...DENIAL, decision: 'denied by the default (policies/open.yaml:3)' })).toContain(
      '<dd>Denied by the default (policies/open.yaml:3).<',
    );
  });

  it('names the fault of a failure, and neither fault nor rule on a greeting', () => {
    expect(html(FAILURE)).toContain('The site, its name, or the network on the way to it.');
    expect(html(FAILURE)).not.toContain('Which rule');
    expect(html(GREETING)).not.toMatch(/At fault|Who decided|Which rule|class="request"/);
  });

  it('carries the very style whose hash the Content-Security-Policy allows', () => {
    const style = /<style>([\s\S]*)<\/style>/.exec(html(DENIAL))?.[1] ?? '';
    const digest = createHash('sha256').update(style).digest('base64');
    expect(fieldValue(PAGE_FIELDS, 'content-security-policy')).toContain(`'sha256-${digest}'`);
  });

  it.each([
    '<script>alert(1)</script>',
    '"><img src=x onerror=alert(1)>',
    "' onmouseover='alert(1)",
    '</title></style><svg onload=alert(1)>',
    '<!--',
    '&lt;b&gt;',
    ']]>',
    '\u0000<\u0008b>',
    '$1$&$`',
    '__proto__',
  ])('adds no markup of its own for %j', (hostile) => {
    const tags = (page: string) => page.match(/<[^>]*>/g);
    expect(tags(html(filledWith(hostile)))).toEqual(tags(html(filledWith('plain'))));
  });

  it('shows & < > " \' as themselves', () => {
    expect(html({ ...DENIAL, message: `&<>"'` })).toContain('&amp;&lt;&gt;&quot;&#39;</p>');
  });
});

describe('the JSON form (RFC 9457)', () => {
  it('has the members of problem details, and code, blame, rule and next step besides', () => {
    expect(json(DENIAL)).toEqual({
      type: 'about:blank',
      title: 'Forbidden',
      status: 403,
      detail: 'This proxy does not allow this request. social.example.com may not be visited through this proxy.',
      instance: 'urn:sallyport:exchange:18423',
      code: 'http_request_denied',
      blame: 'client',
      request: 'GET https://social.example.com',
      rule: DENIAL.decision,
      rule_message: DENIAL.ruleMessage,
      next_step: DENIAL.nextStep,
      proxy: 'sallyport-7f3a',
    });
  });

  it('keeps an instance a URI whatever the exchange is called', () => {
    expect(json({ ...DENIAL, flowId: 'a b/"ü\ud800' }).instance).toBe('urn:sallyport:exchange:a%20b%2F%22%C3%BC%EF%BF%BD');
  });
});

describe('the text form', () => {
  it('says the same in a few lines that fit a terminal', () => {
    expect(text(FAILURE)).toBe(
      [
        '502 Bad Gateway: The name could not be found',
        'GET http://www.exmaple.com',
        'No address is known for www.exmaple.com.',
        'At fault: The site, its name, or the network on the way to it.',
        'Check the spelling. If the name is new or internal, the operator can check',
        'the name servers that this proxy asks.',
        'dns_error, exchange 18423, proxy sallyport-7f3a',
        '',
      ].join('\n'),
    );
  });

  it('shortens the longest paragraph first, and keeps what to do and what to quote', () => {
    const page = text({ ...DENIAL, message: 'so much to say about it '.repeat(40) });
    expect(page.split('\n')).toHaveLength(11);
    expect(page).toContain(' ...\n');
    expect(page.replaceAll('\n', ' ')).toContain(DENIAL.nextStep);
    expect(page).toMatch(/http_request_denied, exchange 18423, proxy sallyport-7f3a\n$/);
  });
});

describe('every form', () => {
  it.each([
    ['controls that steer a terminal', 'a\u001b[31mb\u0007\u009bc\u007f', 'a\ufffd[31mb\ufffd\ufffdc\ufffd'],
    ['marks that reorder what is read', 'moc\u202egro\u2066\u200f\u061c', 'moc\ufffdgro\ufffd\ufffd\ufffd'],
    ['a lone surrogate', 'a\ud800b', 'a\ufffdb'],
    ['line breaks', ' a\r\nb\t\u2028c\n', 'a b c'],
  ])('makes %s visible or harmless', (_, hostile, shown) => {
    const facts = { ...DENIAL, message: hostile };
    expect(html(facts)).toContain(`<p class="message" dir="auto">${shown}</p>`);
    expect(json(facts).detail).toContain(`. ${shown}`);
    expect(text(facts).split('\n')).toContain(shown);
  });

  it('stays small, valid and within ten lines whatever the facts are', () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string({ unit: 'binary', maxLength: 3000 }),
          fc.constantFrom('<'.repeat(9000), 'a '.repeat(9000), "'\u202e".repeat(9000)),
        ),
        (hostile) => {
          const facts = filledWith(hostile);
          expect(renderPage(facts, 'text/html').bytes.length).toBeLessThan(24 * 1024);
          expect(json(facts).status).toBe(403);
          expect(text(facts).trimEnd().split('\n').length).toBeLessThanOrEqual(10);
          expect(text(facts)).toMatch(/^[^\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202a-\u202e]*$/);
        },
      ),
      { numRuns: 60 },
    );
  });
});

describe('the style', () => {
  const [light = '', dark = ''] = [...PAGE_STYLE.matchAll(/:root\{([^}]*)\}/g)].map((block) => block[1]);

  it.each([
    ['light', light],
    ['dark', dark],
  ])('gives every text at least 4.5:1 in %s (WCAG 2.2 §1.4.3)', (_, block) => {
    const colours = new Map([...block.matchAll(/--([a-z-]+):(#[0-9a-f]{6})/g)].map((match) => [match[1]!, luminance(match[2]!)]));
    const card = colours.get('card')!;
    for (const name of ['ink', 'soft', 'denied', 'failed', 'request-error', 'info']) {
      const text = colours.get(name)!;
      const contrast = (Math.max(card, text) + 0.05) / (Math.min(card, text) + 0.05);
      expect(contrast, name).toBeGreaterThanOrEqual(4.5);
    }
  });

  it('fetches nothing', () => {
    expect(PAGE_STYLE).not.toMatch(/url\(|@import|@font-face|<\//);
  });
});

/** Relative luminance of `#rrggbb` (WCAG 2.2). */
function luminance(colour: string): number {
  const [red, green, blue] = [1, 3, 5].map((at) => {
    const channel = Number.parseInt(colour.slice(at, at + 2), 16) / 255;
    return channel <= 0.04045 ? channel / 12.92 : ((channel + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * red! + 0.7152 * green! + 0.0722 * blue!;
}
