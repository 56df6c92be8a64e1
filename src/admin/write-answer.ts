// Owns an answer's way out: what its head says so that no browser takes it for a page, keeps it or tells others of it, and its content.
import type { ServerResponse } from 'node:http';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { AdminAnswer } from './answers.ts';

/** @returns once it is written; rejects when it broke off */
export async function sendAnswer(response: ServerResponse, answer: AdminAnswer): Promise<void> {
  switch (answer.kind) {
    case 'value':
      sendValue(response, answer);
      return;
    case 'lines':
      response.writeHead(200, { ...SAFE_FIELDS, 'Content-Type': 'application/x-ndjson' });
      await pipeline(Readable.from(textLines(answer.lines)), response);
      return;
    case 'octets':
      response.writeHead(200, { ...SAFE_FIELDS, 'Content-Type': answer.type, ...answer.fields });
      if (answer.content instanceof Readable) await pipeline(answer.content, response);
      else response.end(answer.content);
      return;
    default:
      answer satisfies never;
  }
}

function sendValue(response: ServerResponse, { status, value, allow, fields }: Extract<AdminAnswer, { kind: 'value' }>): void {
  const challenge = status === 401 && { 'WWW-Authenticate': 'Bearer realm="sallyport admin"' };
  // A refused question may have content that nobody reads.
  const end = status >= 400 && { Connection: 'close' };
  response.writeHead(status, {
    ...SAFE_FIELDS,
    ...challenge,
    ...end,
    ...(allow !== undefined && { Allow: allow }),
    'Content-Type': 'application/json',
    ...fields,
  });
  response.end(`${JSON.stringify(value)}\n`);
}

/** Octets as they are read: a slow reader slows down what makes the lines. */
async function* textLines(values: AsyncIterable<unknown>): AsyncGenerator<string> {
  for await (const value of values) yield `${JSON.stringify(value)}\n`;
}

const SAFE_FIELDS = {
  'Cache-Control': 'no-store',
  'X-Content-Type-Options': 'nosniff',
  'Referrer-Policy': 'no-referrer',
  'Cross-Origin-Opener-Policy': 'same-origin',
  'Cross-Origin-Resource-Policy': 'same-origin',
} as const;
