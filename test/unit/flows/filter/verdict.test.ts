// Filters on exchanges under way: what is known decides as early as it can, and what was not seen never fits, said either way.
import { expect, test } from 'vitest';
import { parseFilter } from '../../../../src/flows/filter/parse.ts';
import { contentsOf, type Missing, type PassingSubject, verdictOf } from '../../../../src/flows/filter/verdict.ts';
import { summaryOf } from '../../../support/recorded.ts';

function filterOf(text: string) {
  const parsed = parseFilter(text);
  if ('problem' in parsed) throw new Error(parsed.problem.message);
  return parsed.ok;
}

function subject(missing: Partial<Missing>, texts: { request?: string; response?: string } = {}): PassingSubject {
  return {
    summary: summaryOf({ method: 'POST', host: 'a.example', path: '/api', status: missing.answer ? 0 : 200, contentType: null }),
    request: { method: 'POST', target: '/api', version: '1.1', fields: [['X-Mine', 'one']] },
    missing: { request: false, response: false, answer: false, ...missing },
    ...(texts.request !== undefined && { requestText: () => texts.request! }),
    ...(texts.response !== undefined && { responseText: () => texts.response! }),
  };
}

test.each<[string, boolean | null]>([
  ['host:a.example', true],
  ['body:x', null],
  ['!body:x', null],
  ['host:b.example body:x', false],
  ['host:a.example | body:x', true],
  ['host:a.example body:x', null],
  ['!(host:b.example ~bq x)', true],
  ['~bs x', false],
  ['text:/api', true],
  ['text:x-mine', true],
  ['text:none', null],
])('while content of the request is not there: %s is %s', (text, verdict) => {
  expect(verdictOf(filterOf(text), subject({ request: true }))).toBe(verdict);
});

test.each<[string, boolean | null]>([
  ['status:500', null],
  ['!status:500', null],
  ['host:b.example status:500', false],
  ['header:x-mine', true],
  ['header:x-theirs', null],
  ['~websocket', false],
  ['is:inside', false],
  ['is:hit', null],
  ['path:/api', true],
])('before there is an answer: %s is %s', (text, verdict) => {
  expect(verdictOf(filterOf(text), subject({ answer: true, response: true }))).toBe(verdict);
});

test('what one content has is found, whatever the other would have', () => {
  expect(verdictOf(filterOf('body:found'), subject({ response: true }, { request: 'it is found' }))).toBe(true);
  expect(verdictOf(filterOf('body:found'), subject({ response: true }, { request: 'it is not' }))).toBe(null);
  expect(verdictOf(filterOf('~bq found'), subject({ response: true }, { request: 'it is not' }))).toBe(false);
});

test.each<[string, boolean, boolean]>([
  ['host:a', false, false],
  ['~bq a | host:b', true, false],
  ['!(~bs a)', false, true],
  ['text:a', true, true],
])('%s looks into content of request %s, of response %s', (text, request, response) => {
  expect(contentsOf(filterOf(text))).toEqual({ request, response });
});
