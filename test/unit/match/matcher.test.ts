import { expect, test } from 'vitest';
import { type Criterion, describeCriterion, holds, type Subject } from '../../../src/match/matcher.ts';
import { pathPattern } from '../../../src/match/path-pattern.ts';

const subject: Subject = { method: 'GET', host: 'api.example.com', port: 8080, path: '/v1/users' };
const inTunnel: Subject = { ...subject, method: 'CONNECT', path: null };

const rows: readonly (readonly [Criterion, Subject, boolean, string])[] = [
  [{ kind: 'host', patterns: [{ kind: 'below', name: 'example.com' }] }, subject, true, 'host api.example.com is within example.com'],
  [{ kind: 'host', patterns: [{ kind: 'below', name: 'example.org' }] }, subject, false, 'host api.example.com is not within example.org'],
  [
    { kind: 'host', patterns: [{ kind: 'one-label', name: 'example.com' }] },
    subject,
    true,
    'host api.example.com is one label below example.com',
  ],
  [
    {
      kind: 'host',
      patterns: [
        { kind: 'exact', name: 'a.test' },
        { kind: 'exact', name: 'api.example.com' },
      ],
    },
    subject,
    true,
    'host api.example.com is api.example.com',
  ],
  [
    {
      kind: 'port',
      ranges: [
        { from: 80, to: 80 },
        { from: 8000, to: 8999 },
      ],
    },
    subject,
    true,
    'port 8080 is 80 or 8000-8999',
  ],
  [{ kind: 'port', ranges: [{ from: 80, to: 80 }] }, subject, false, 'port 8080 is not 80'],
  [{ kind: 'method', methods: ['GET', 'HEAD'] }, subject, true, 'method GET is GET or HEAD'],
  [{ kind: 'method', methods: ['GET', 'HEAD', 'POST'] }, inTunnel, false, 'method CONNECT is not GET, HEAD or POST'],
  [{ kind: 'method', methods: ['get'] }, subject, false, 'method GET is not get'],
  [{ kind: 'path', patterns: [pathPattern('/v1/*')] }, subject, true, 'path /v1/users matches /v1/*'],
  [{ kind: 'path', patterns: [pathPattern('/v2/*')] }, subject, false, 'path /v1/users does not match /v2/*'],
  [{ kind: 'path', patterns: [pathPattern('*')] }, inTunnel, false, 'a path cannot be seen inside a tunnel'],
];

test.each(rows)('%j of %j is %s: %s', (criterion, asked, isTrue, words) => {
  expect(holds(criterion, asked)).toBe(isTrue);
  expect(describeCriterion(criterion, asked, isTrue)).toBe(words);
});

test('a long list is cut in the words, not in the matching', () => {
  const criterion: Criterion = { kind: 'port', ranges: Array.from({ length: 20 }, (_, i) => ({ from: 9000 + i, to: 9000 + i })) };
  expect(holds(criterion, { ...subject, port: 9019 })).toBe(true);
  expect(describeCriterion(criterion, subject, false)).toBe(
    'port 8080 is not 9000, 9001, 9002, 9003, 9004, 9005, 9006, 9007 or one of 12 more',
  );
});
