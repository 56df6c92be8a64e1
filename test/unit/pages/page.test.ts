import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { fieldValue } from '../../../src/http/fields.ts';
import { wordsForChallenge, wordsForDenial, wordsForLimit } from '../../../src/pages/block-page.ts';
import { nextStepFor, titleFor } from '../../../src/pages/error-page.ts';
import { type DecisionFacts, PAGE_FIELDS, type PageFacts, renderPage } from '../../../src/pages/page.ts';
import { PAGE_STYLE } from '../../../src/pages/page-style.ts';

const DECISION: DecisionFacts = {
  sentence: "denied by rule 'No social media' (allowlist.yaml:14)",
  decidedBy: 'rule',
  refused: 'request',
  rule: 'No social media',
  file: 'allowlist.yaml',
  line: 14,
  ruleMessage: 'Not during lessons.',
  owner: 'Kim in room 214 <kim@school.example>',
  requestAccess: 'https://school.example/ask?for=social&by=you',
};
const DENIAL: PageFacts = {
  ...wordsForDenial('rule', 'request', 'link'),
  status: 403,
  reason: 'Forbidden',
  kind: 'denied',
  code: 'http_request_denied',
  blame: 'client',
  method: 'GET',
  target: 'https://social.example.com',
  decision: DECISION,
  retryAfterSeconds: null,
  flowId: '18423',
  proxyName: 'sallyport-7f3a',
};
const LIMIT: PageFacts = {
  ...DENIAL,
  ...wordsForLimit("Rule 'Artifacts' allows 10 requests a second.", 12),
  status: 429,
  reason: 'Too Many Requests',
  kind: 'limited',
  decision: {
    ...DECISION,
    sentence: "allowed by rule 'Artifacts' (ci.yaml:4)",
    rule: 'Artifacts',
    ruleMessage: null,
    owner: null,
    requestAccess: null,
  },
  retryAfterSeconds: 12,
};
const CHALLENGE: PageFacts = {
  ...DENIAL,
  ...wordsForChallenge(null),
  status: 407,
  reason: 'Proxy Authentication Required',
  kind: 'challenge',
  code: 'proxy_internal_response',
  decision: null,
};
const FAILURE: PageFacts = {
  ...DENIAL,
  status: 502,
  reason: 'Bad Gateway',
  kind: 'failed',
  code: 'dns_error',
  title: titleFor('dns_error', 502),
  message: 'No address is known for www.exmaple.com.',
  blame: 'origin',
  target: 'http://www.exmaple.com',
  decision: null,
  nextStep: nextStepFor('dns_error', 502),
};
const html = (facts: PageFacts) => renderPage(facts, 'text/html').bytes.toString();
const json = (facts: PageFacts) => JSON.parse(renderPage(facts, 'application/json').bytes.toString());
const text = (facts: PageFacts) => renderPage(facts, '*/*').bytes.toString();

const decidedWith = (facts: Partial<DecisionFacts>): PageFacts => ({ ...DENIAL, decision: { ...DECISION, ...facts } });

/** A page whose every fact that can hold foreign text holds this one. */
const filledWith = (hostile: string): PageFacts => ({
  ...DENIAL,
  reason: hostile,
  title: hostile,
  message: hostile,
  method: hostile,
  target: hostile,
  decision: {
    ...DECISION,
    sentence: hostile,
    rule: hostile,
    file: hostile,
    ruleMessage: hostile,
    owner: hostile,
    requestAccess: `https://school.example/?${hostile}`,
  },
  nextStep: hostile,
  flowId: hostile,
  proxyName: hostile,
});

describe('a page', () => {
  it('comes in the form that Accept asks for, with its type', () => {
    expect(renderPage(DENIAL, 'text/html').contentType).toBe('text/html;charset=utf-8');
    expect(renderPage(DENIAL, 'application/json').contentType).toBe('application/problem+json');
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
  it('says in order what happened, who decided, which rule, whose it is, what to do, where to ask, and what to quote', () => {
    const page = html(DENIAL);
    const places = [
      '<h1>This proxy does not allow',
      'forbids it',
      'Who decided',
      'allowlist.yaml:14',
      'Not during lessons.',
      'Kim in room 214 &lt;kim@school.example&gt;',
      'What to do',
      '<a href="https://school.example/ask?for=social&amp;by=you"',
      'Exchange 18423',
    ];
    const found = places.map((place) => page.indexOf(place));
    expect(found).not.toContain(-1);
    expect(found).toEqual(found.toSorted((a, b) => a - b));
  });

  it('makes a sentence of the reason that the policy gives', () => {
    expect(html(decidedWith({ sentence: 'denied by the default (open.yaml:3)', ruleMessage: null }))).toContain(
      '<dd>Denied by the default (open.yaml:3).<',
    );
  });

  it('leaves the name of a host as it is where a sentence begins with it', () => {
    const reached = (message: string): string => text({ ...FAILURE, message });
    expect(reached('intern.example leads to 10.0.0.1')).toContain('\nintern.example leads to 10.0.0.1.\n');
    expect(reached('[2001:db8::1]:443 did not answer.')).toContain('\n[2001:db8::1]:443 did not answer.\n');
    expect(reached('the name does not exist')).toContain('\nThe name does not exist.\n');
  });

  it('names the fault of a failure, and no rule', () => {
    expect(html(FAILURE)).toContain('The site, its name, or the network on the way to it.');
    expect(html(FAILURE)).not.toContain('Which rule');
  });

  it('says whether the site received the request that was refused', () => {
    expect(html(DENIAL)).toContain('The site did not receive the request.');
    expect(html(decidedWith({ refused: 'content' }))).toContain('The site received the beginning of the request.');
    expect(html(decidedWith({ refused: 'answer' }))).toContain('The site received the request and answered it.');
    expect(html(CHALLENGE)).toContain('The site did not receive the request.');
  });

  it.each([
    ['https://a.example/ask?x=1', 'https://a.example/ask?x=1'],
    ['HTTP://A.example', 'http://a.example/'],
    ['mailto:it@corp.example?subject=Access', 'mailto:it@corp.example?subject=Access'],
    ['https://a.example/"><b', 'https://a.example/%22%3E%3Cb'],
    [`https://a.example/'`, 'https://a.example/&#39;'],
    ['mailto:"><svg/onload=x>', 'mailto:&quot;&gt;&lt;svg/onload=x&gt;'],
    ['https://bücher.example/ü', 'https://xn--bcher-kva.example/%C3%BC'],
    ['https://a.example/\u202e\u0007\r\n\tx', 'https://a.example/%E2%80%AE%07x'],
  ])('links to %j', (requestAccess, shown) => {
    expect(html(decidedWith({ requestAccess }))).toContain(`<a href="${shown}" rel="noreferrer">${shown}</a>`);
  });

  it.each([
    'javascript:alert(1)',
    ' java\nscript:alert(1)',
    'data:text/html,x',
    'ftp://a.example/',
    '//a.example/',
    '/ask',
    '',
    'mailto:it desk@corp.example',
    `https://a.example/${'x'.repeat(500)}`,
    `https://a.example/${'ü'.repeat(200)}`,
  ])('shows no link for %j', (requestAccess) => {
    expect(html(decidedWith({ requestAccess }))).not.toMatch(/<a |href/);
    expect(json(decidedWith({ requestAccess })).request_access).toBeNull();
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
    const tags = (page: string) => page.replace(/href="[^"]*"/, 'href').match(/<[^>]*>/g);
    expect(tags(html(filledWith(hostile)))).toEqual(tags(html(filledWith('plain'))));
  });

  it('shows & < > " \' as themselves', () => {
    expect(html({ ...DENIAL, message: `&<>"'` })).toContain('&amp;&lt;&gt;&quot;&#39;.</p>');
  });
});

describe('the JSON form (RFC 9457)', () => {
  it('has the members that programs may rely on, in every answer', () => {
    expect(json(DENIAL)).toEqual({
      type: 'about:blank',
      title: 'Forbidden',
      status: 403,
      detail: "This proxy does not allow this request. A rule of this proxy's policy forbids it.",
      instance: 'urn:sallyport:exchange:18423',
      code: 'http_request_denied',
      blame: 'client',
      exchange: '18423',
      request: 'GET https://social.example.com',
      proxy: 'sallyport-7f3a',
      decision: "Denied by rule 'No social media' (allowlist.yaml:14).",
      decided_by: 'rule',
      refused: 'request',
      rule: 'No social media',
      file: 'allowlist.yaml',
      line: 14,
      rule_message: 'Not during lessons.',
      owner: 'Kim in room 214 <kim@school.example>',
      request_access: 'https://school.example/ask?for=social&by=you',
      retry_after: null,
      next_step: DENIAL.nextStep,
    });
    for (const facts of [LIMIT, CHALLENGE, FAILURE]) expect(Object.keys(json(facts))).toEqual(Object.keys(json(DENIAL)));
    expect(json(LIMIT)).toMatchObject({ status: 429, rule: 'Artifacts', retry_after: 12, owner: null });
    expect(json(FAILURE)).toMatchObject({ decision: null, decided_by: null, rule: null, file: null, line: null });
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

  it('names the rule, its owner and where to ask, each on a line of its own', () => {
    expect(text(DENIAL).split('\n')).toEqual([
      '403 Forbidden: This proxy does not allow this request',
      'GET https://social.example.com',
      "A rule of this proxy's policy forbids it.",
      'Who decided: This proxy. The site did not receive the request.',
      'Denied by rule \'No social media\' (allowlist.yaml:14). "Not during lessons."',
      'Whose rule: Kim in room 214 <kim@school.example>',
      'If you need it, ask for access at the link, and quote the exchange number.',
      'https://school.example/ask?for=social&by=you',
      'http_request_denied, exchange 18423, proxy sallyport-7f3a',
      '',
    ]);
  });

  it('shortens the longest paragraph first, and keeps what to do, the whole link and what to quote', () => {
    const link = `https://school.example/${'a'.repeat(400)}`;
    const page = text({ ...decidedWith({ requestAccess: link }), message: 'so much to say about it '.repeat(40) });
    expect(page.split('\n')).toHaveLength(13);
    expect(page).toContain(' ...\n');
    expect(page).toContain(`${DENIAL.nextStep}\n${link}\n`);
    expect(page).toMatch(/http_request_denied, exchange 18423, proxy sallyport-7f3a\n$/);
  });
});

describe('every form', () => {
  it.each([
    ['controls that steer a terminal', 'a\u001b[31mb\u0007\u009bc\u007f', 'A\ufffd[31mb\ufffd\ufffdc\ufffd.'],
    ['marks that reorder what is read', 'moc\u202egro\u2066\u200f\u061c', 'Moc\ufffdgro\ufffd\ufffd\ufffd.'],
    ['a lone surrogate', 'a\ud800b', 'A\ufffdb.'],
    ['line breaks', ' a\r\nb\t\u2028c\n', 'A b c.'],
  ])('makes %s visible or harmless', (_, hostile, shown) => {
    const facts = { ...DENIAL, message: hostile };
    expect(html(facts)).toContain(`<p class="message" dir="auto">${shown}</p>`);
    expect(json(facts).detail).toContain(`. ${shown}`);
    expect(text(facts).split('\n')).toContain(shown);
  });

  it('stays small, valid and within twelve lines whatever the facts are', () => {
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
          expect(text(facts).trimEnd().split('\n').length).toBeLessThanOrEqual(12);
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
