// The description of the API: what a route takes and what the server answers by itself stand in it.
import { expect, test } from 'vitest';
import { valueAnswer } from '../../../src/admin/answers.ts';
import { openApi } from '../../../src/inspector/openapi.ts';
import type { Route } from '../../../src/inspector/route.ts';

const IMPORT: Route = {
  method: 'POST',
  path: '/api/things/{name}',
  summary: 'Take up a thing',
  file: 'A thing',
  answers: '{}',
  answer: () => valueAnswer({}),
};

test('a route that takes a file says so, and how it refuses', () => {
  expect(openApi([IMPORT], '1.0.0')).toMatchObject({
    openapi: '3.1.0',
    paths: {
      '/api/things/{name}': {
        post: {
          parameters: [{ name: 'name', in: 'path', required: true }],
          requestBody: { description: 'A thing', content: { 'application/octet-stream': {} } },
          responses: { '200': {}, '400': {}, '401': {}, '404': {}, '409': {} },
        },
      },
    },
  });
});

test('what the server answers by itself is described, and what nobody has to be known for', () => {
  expect(openApi([], '1.0.0')).toMatchObject({
    paths: {
      '/healthz': { get: { security: [] } },
      '/api/live': { get: { responses: { '101': {} } } },
      '/api/sign-in': { post: { security: [] } },
      '/api/sign-out': { post: {} },
      '/api/links': { post: {} },
    },
  });
});
