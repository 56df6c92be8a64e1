// Owns the description of the API for programs: OpenAPI 3.1, made of the very table that is served.
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
        'WebSocket: /api/live. Texts of captured messages have one character an octet (ISO-8859-1).',
    },
    components: { securitySchemes: { token: { type: 'http', scheme: 'bearer' } } },
    security: [{ token: [] }],
    paths,
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
    ...(route.content !== undefined && {
      requestBody: { required: true, content: { 'application/json': { schema: z.toJSONSchema(route.content, { io: 'input' }) } } },
    }),
    responses: {
      '200': { description: route.answers },
      '400': { description: 'The question is none; "error" says why.' },
      '401': { description: 'No token.' },
    },
  };
}
