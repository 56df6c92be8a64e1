import fc from 'fast-check';
import { expect, test } from 'vitest';
import { normalisePath } from '../../../../src/http/path.ts';
import { glob, matchesGlob } from '../../../../src/match/glob.ts';
import { cutDeepest, pathTemplate } from '../../../../src/policy/learn/path-template.ts';

test.each([
  ['/', '/'],
  ['/simple/', '/simple/'],
  ['/debian/pool/main/c/curl/curl_7.88.1-10_amd64.deb', '/debian/pool/main/c/curl/curl_*-10_amd64.deb'],
  ['/users/42/orders/7', '/users/*/orders/*'],
  ['/api/v2/users', '/api/v2/users'],
  ['/lib-1.2.3.tgz', '/lib-*.tgz'],
  ['/blobs/sha256/3f2a9c1bdeadbeef', '/blobs/sha256/*'],
  ['/o/0f8fad5b-d9cb-469f-a165-70867728950e', '/o/*'],
  ['/app.3f2a9c1b.js', '/app.*.js'],
  ['/2026/11/22/news', '/*/*/*/news'],
  ['/log-20261122', '/log-*'],
  ['/feedback/decade', '/feedback/decade'],
  ['/a%20b/12345678', '/a%20b/*'],
  ['/%E2%82%AC12345678', '/%E2%82%AC12345678'],
  [`/${'a'.repeat(100)}/${'b'.repeat(100)}`, `/${'a'.repeat(100)}/*`],
  [`/${'a'.repeat(200)}`, '/*'],
])('%s is one of %s', (path, template) => {
  expect(pathTemplate(path)).toBe(template);
  expect(matchesGlob(glob(template), path)).toBe(true);
});

test('the deepest templates are cut first, down to one for everything', () => {
  expect(cutDeepest(['/a', '/a/b/c', '/x/*/z'])).toEqual(
    new Map([
      ['/a/b/c', '/a/b/*'],
      ['/x/*/z', '/x/*/*'],
    ]),
  );
  expect(cutDeepest(['/a/b/*'])).toEqual(new Map([['/a/b/*', '/a/*']]));
  expect(cutDeepest(['/a/', '/*'])).toEqual(new Map([['/a/', '/a/*']]));
  expect(cutDeepest(['/a', '/'])).toEqual(
    new Map([
      ['/a', '/*'],
      ['/', '/*'],
    ]),
  );
  expect(cutDeepest(['/*', '*'])).toBeNull();
});

test('a template matches the path that it was made of, and so does every cut of it', () => {
  const path = fc.string({ unit: fc.constantFrom(...'/ab09.-_~v%*'), maxLength: 40 }).map((text) => normalisePath(`/${text}`));
  fc.assert(
    fc.property(path, (normalised) => {
      fc.pre(normalised.isUsable);
      for (
        let template: string | undefined = pathTemplate(normalised.path);
        template !== undefined;
        template = cutDeepest([template])?.get(template)
      ) {
        expect(matchesGlob(glob(template), normalised.path)).toBe(true);
      }
    }),
  );
});
