// Owns the description of the API for programs: OpenAPI 3.1, made of the very table that is served, and of what the admin server answers by itself.
import * as z from 'zod';
import type { Route } from './route.ts';

export function openApi(routes: readonly Route[], version: string): object {
  const paths: Record<string, Record<string, object>> = {};
  for (const route of routes) (paths[route.path] ??= {})[route.method.toLowerCase()] = operation(route);
  return {
    openapi: '3.1.0',
    info: {
      title: 'Sallyport inspector',
      version,
      description:
        'What the page of the inspector does, for programs. Over TCP, the token stands in the file beside the socket; over the Unix socket none is asked. ' +
        'What a path leaves unsaid about a refusal, "error" in its JSON says. Texts of captured messages have one character an octet (ISO-8859-1).',
    },
    components: { securitySchemes: { token: { type: 'http', scheme: 'bearer' } } },
    security: [{ token: [] }],
    paths: { ...paths, ...OF_THE_SERVER },
  };
}

function operation(route: Route): object {
  const inPath = [...route.path.matchAll(/\{(\w+)\}/g)].map(([, name]) => ({
    name,
    in: 'path',
    required: true,
    schema: { type: 'string' },
  }));
  const inQuery = Object.entries(route.query ?? {}).map(([name, description]) => ({
    name,
    in: 'query',
    description,
    schema: { type: 'string' },
  }));
  return {
    summary: route.summary,
    ...(inPath.length + inQuery.length > 0 && { parameters: [...inPath, ...inQuery] }),
    ...(route.file !== undefined && {
      requestBody: { required: true, description: route.file, content: { 'application/octet-stream': {} } },
    }),
    ...(route.content !== undefined && {
      requestBody: { required: true, content: { 'application/json': { schema: z.toJSONSchema(route.content, { io: 'input' }) } } },
    }),
    responses: {
      '200': { description: route.answers },
      '400': { description: 'The question is none; "error" says why.' },
      '401': NO_TOKEN,
      ...(inPath.length > 0 && { '404': { description: 'There is nothing of that name or number.' } }),
      ...(route.method !== 'GET' && { '409': { description: 'Not as things are; "error" says why.' } }),
    },
  };
}

const NO_TOKEN = { description: 'No token.' };
const OF_THE_SERVER = {
  '/healthz': {
    get: { summary: 'Whether the proxy is up; for anybody', security: [], responses: { '200': { description: '{status: "ok"}' } } },
  },
  '/api/live': {
    get: {
      summary: 'A WebSocket (RFC 6455) that tells what changes: windows of the list, messages, held exchanges, the overview',
      description:
        'JSON in both directions. Asked: {type: "view", view, filter, order, offset, limit, session}, {type: "close-view", view}, {type: "watch", id}, ' +
        '{type: "unwatch", id}, {type: "overview", on}. Told: {type: "window", view, total, offset, rows}, {type: "filter-problem", view, column, message}, ' +
        '{type: "exchange", id}, {type: "messages", id, total}, {type: "overview"}, {type: "breakpoints", held}, {type: "rules"}, {type: "status"}, {type: "problem", message}.',
      responses: { '101': { description: 'The WebSocket' }, '401': NO_TOKEN, '503': { description: 'Too many are open.' } },
    },
  },
  '/api/sign-in': {
    post: {
      summary: 'Trades the code of a printed link for the cookie and the key of a page; works once',
      security: [],
      requestBody: {
        required: true,
        content: { 'application/json': { schema: { type: 'object', properties: { code: { type: 'string' } }, required: ['code'] } } },
      },
      responses: {
        '200': { description: '{signedIn, key}, and the cookie' },
        '401': { description: 'The code was used already, or is none.' },
        '403': { description: 'Not asked by the page itself.' },
      },
    },
  },
  '/api/sign-out': {
    post: { summary: 'Ends the sign-in of the page that asks', responses: { '200': { description: '{}' }, '401': NO_TOKEN } },
  },
  '/api/links': {
    post: {
      summary: 'A new link to the page, which signs in whoever opens it first; over the Unix socket alone',
      responses: { '200': { description: '{link}; null while there is no page' }, '404': { description: 'Asked over TCP.' } },
    },
  },
} as const;
