import { describe, expect, it } from 'vitest';
import { negotiate } from '../../../src/pages/negotiate.ts';

describe('negotiate (RFC 9110 §12.5.1)', () => {
  it.each([
    // who asks, as it asks
    ['nobody', undefined, 'text'],
    ['an empty field', '', 'text'],
    ['curl', '*/*', 'text'],
    ['Firefox', 'text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8', 'html'],
    ['Chromium', 'text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,image/apng,*/*;q=0.8', 'html'],
    ['an image of a page', 'image/avif,image/webp,image/apng,image/svg+xml,image/*,*/*;q=0.8', 'text'],
    ['axios', 'application/json, text/plain, */*', 'json'],
    ['npm', 'application/vnd.npm.install-v1+json; q=1.0, application/json; q=0.8, */*', 'json'],
    ['a client of problem details', 'application/problem+json', 'json'],
    ['lynx', 'text/html, text/plain, text/sgml, text/css, application/xhtml+xml, */*;q=0.01', 'html'],
    // weights
    ['the greater weight', 'text/html;q=0.4, application/json;q=0.6', 'json'],
    ['the greater weight, when it is a wildcard', 'text/html;q=0.4, */*;q=0.6', 'text'],
    ['the exact name, between equals', '*/*;q=0.5, text/html;q=0.5', 'html'],
    ['the first named, between equals', 'text/html, application/json', 'html'],
    ['the first named, whatever a wildcard said before', '*/*, application/json, text/html', 'json'],
    ['the weight of the most specific range', 'text/html;q=0.1, text/*;q=0.9', 'text'],
    ['a form not refused', 'text/plain;q=0, */*;q=0.1', 'json'],
    ['text, when the one form named is refused', 'text/html;q=0', 'text'],
    ['text, when all is refused', '*/*;q=0', 'text'],
    ['text, when nothing of ours is named', 'image/png', 'text'],
    ['JSON for application/*', 'application/*', 'json'],
    ['text for text/*', 'text/*', 'text'],
    ['three decimals of a weight', 'text/html;q=0.501, application/json;q=0.502', 'json'],
    // spelling
    ['upper case and blanks', ' Text/HTML ; Q=1 ,  */* ; q=0.1', 'html'],
    ['parameters that are not weights', 'application/json;charset=utf-8;q=0.9, text/html;level=1;q=0.2', 'json'],
    ['a quoted comma', 'image/png;x="text/html,", application/json', 'json'],
    ['no weight that is malformed', 'text/html;q=high, application/json;q=0.1', 'json'],
    ['no weight above one', 'text/html;q=2, application/json;q=0.1', 'json'],
    ['no members at all', ',,, ,', 'text'],
    ['an unfinished quoted string', 'text/html;x="', 'html'],
  ])('gives %s what is asked: %s', (_, accept, form) => {
    expect(negotiate(accept)).toBe(form);
  });

  it('reads whole members within 2,048 characters and nothing beyond', () => {
    const filler = 'image/png,'.repeat(300);
    expect(negotiate(`text/html,${filler}`)).toBe('html');
    expect(negotiate(`${filler}text/html`)).toBe('text');
    expect(negotiate(`${'x'.repeat(4000)},text/html`)).toBe('text');
    expect(negotiate(`application/json;q=0.5,${'a'.repeat(2020)};q=1,text/html`)).toBe('json');
  });
});
