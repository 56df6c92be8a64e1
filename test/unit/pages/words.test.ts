import { describe, expect, it } from 'vitest';
import { PROXY_ERRORS, type ProxyErrorCode } from '../../../src/errors/proxy-error.ts';
import {
  type DecidedBy,
  type Refused,
  wordsForChallenge,
  wordsForDenial,
  wordsForLimit,
  wordsForUnavailable,
} from '../../../src/pages/block-page.ts';
import { kindFor, nextStepFor, titleFor } from '../../../src/pages/error-page.ts';

const CODES = Object.keys(PROXY_ERRORS) as ProxyErrorCode[];
const REQUEST_STATUSES = [400, 405, 408, 413, 414, 417, 421, 426, 431, 501, 505];
const DECIDERS: readonly DecidedBy[] = [
  'rule',
  'default',
  'connect-ports',
  'unusable-question',
  'unusable-path',
  'unusable-query',
  'unusable-field',
  'unusable-address',
  'unusable-type',
  'unusable-url',
  'identity-needed',
];
const REFUSED: readonly Refused[] = ['request', 'content', 'answer'];

describe('the words of our answers', () => {
  it.each(CODES)('say for %s what happened and what to do, short enough for a terminal', (code) => {
    const { status } = PROXY_ERRORS[code];
    expect(titleFor(code, status)).toMatch(/^[A-Z][^.]{10,58}$/);
    expect(nextStepFor(code, status)).toMatch(/^[A-Z].{15,148}\.$/);
  });

  it.each(REQUEST_STATUSES)('say for a request refused with %d what to change', (status) => {
    expect(titleFor('http_request_error', status)).toMatch(/^[A-Z][^.]{10,58}$/);
    expect(nextStepFor('http_request_error', status)).toMatch(/^[A-Z].{15,148}\.$/);
  });

  it('differ from code to code and from status to status', () => {
    const titles = [
      ...CODES.map((code) => titleFor(code, PROXY_ERRORS[code].status)),
      ...REQUEST_STATUSES.slice(1).map((status) => titleFor('http_request_error', status)),
    ];
    expect(new Set(titles).size).toBe(titles.length);
  });

  it.each(DECIDERS.flatMap((decidedBy) => REFUSED.map((refused) => [decidedBy, refused] as const)))(
    'say after a denial by %s of the %s what happened, why and what to do',
    (decidedBy, refused) => {
      const { title, message, nextStep } = wordsForDenial(decidedBy, refused, 'operator');
      expect(title).toMatch(/^This proxy does not [^.]{10,40}$/);
      expect(message).toMatch(/^[A-Z].{15,148}\.$/);
      expect(message.includes('answer')).toBe(refused === 'answer');
      expect(nextStep).toMatch(/^[A-Z].{15,148}\.$/);
    },
  );

  it('send whoever is refused by a rule to the link, or to its owner, or to the operator', () => {
    const step = (contact: 'link' | 'owner' | 'operator') => wordsForDenial('rule', 'request', contact).nextStep;
    expect([step('link'), step('owner'), step('operator')]).toEqual([
      expect.stringContaining('at the link'),
      expect.stringContaining('owns the rule'),
      expect.stringContaining('the operator'),
    ]);
  });

  it.each([
    [1, '1 second'],
    [119, '119 seconds'],
    [120, '2 minutes'],
    [3_601, '61 minutes'],
    [7_201, '3 hours'],
  ])('say of %i seconds: %s', (seconds, said) => {
    expect(wordsForLimit('Rule 1 allows 2 GiB a day.', seconds).nextStep).toContain(`Wait ${said}, then`);
    expect(wordsForUnavailable('the directory does not answer', seconds).nextStep).toContain(`in ${said}.`);
  });

  it('say with a challenge how programs are given credentials, and why those that came are not good', () => {
    expect(wordsForChallenge(null).nextStep).toContain('http://user:password@host:port');
    expect(wordsForChallenge('The password is not right.')).toMatchObject({ message: 'The password is not right.' });
  });

  it('take a prohibited address for a decision, a bad request for the request, and the rest for failures', () => {
    expect(CODES.filter((code) => kindFor(code) === 'denied')).toEqual(['destination_ip_prohibited', 'http_request_denied']);
    expect(CODES.filter((code) => kindFor(code) === 'request-error')).toEqual(['http_request_error']);
  });
});
