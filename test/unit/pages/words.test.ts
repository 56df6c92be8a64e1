import { describe, expect, it } from 'vitest';
import { PROXY_ERRORS, type ProxyErrorCode } from '../../../src/errors/proxy-error.ts';
import { type DecidedBy, nextStepForDenial } from '../../../src/pages/block-page.ts';
import { kindFor, nextStepFor, titleFor } from '../../../src/pages/error-page.ts';

const CODES = Object.keys(PROXY_ERRORS) as ProxyErrorCode[];
const REQUEST_STATUSES = [400, 405, 407, 408, 413, 414, 417, 421, 426, 431, 501, 505];
const DECIDERS: readonly DecidedBy[] = ['rule', 'default', 'connect-ports', 'unusable-path', 'unusable-question'];

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
      ...REQUEST_STATUSES.slice(1).map((status) => titleFor(null, status)),
    ];
    expect(new Set(titles).size).toBe(titles.length);
  });

  it.each(DECIDERS)('say after a denial by %s what to do', (decidedBy) => {
    expect(nextStepForDenial(decidedBy)).toMatch(/^[A-Z].{15,148}\.$/);
  });

  it('take a prohibited address for a decision, a bad request for the request, and the rest for failures', () => {
    expect(CODES.filter((code) => kindFor(code) === 'denied')).toEqual(['destination_ip_prohibited', 'http_request_denied']);
    expect(CODES.filter((code) => kindFor(code) === 'request-error')).toEqual(['http_request_error']);
  });
});
