// Owns asking a running proxy over the Unix socket of its admin API, from another process of the same user.
import { request as httpRequest, type IncomingMessage } from 'node:http';
import { StartError } from '../errors/start-error.ts';
import { BadQuestion } from './answers.ts';

/**
 * @param question  sent as JSON; `null` sends none
 * @returns the response, whatever its status
 * @throws StartError when nobody answers
 */
export function requestAdmin(socketPath: string, method: string, path: string, question: unknown): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const text = question === null ? '' : JSON.stringify(question);
    // Node frames content of a DELETE by nothing else.
    const headers = question === null ? {} : { 'Content-Type': 'application/json', 'Content-Length': Buffer.byteLength(text) };
    const request = httpRequest({ socketPath, method, path, headers }, resolve);
    request.once('error', (cause: NodeJS.ErrnoException) => {
      const problem = `the running proxy cannot be asked at ${socketPath} (${cause.code ?? cause.message}). Is it still running?`;
      reject(new StartError('unavailable', [problem], { cause }));
    });
    request.end(text);
  });
}

/** @returns what it answers, out of JSON @throws StartError when it does not answer, BadQuestion with its words when it will not */
export async function askAdmin(socketPath: string, method: string, path: string, question: unknown): Promise<unknown> {
  const response = await requestAdmin(socketPath, method, path, question);
  let text = '';
  response.setEncoding('utf8');
  for await (const chunk of response) text += chunk;
  const value: unknown = JSON.parse(text);
  const { statusCode = 500 } = response;
  if (statusCode < 300) return value;
  const message = typeof value === 'object' && value !== null && 'error' in value ? String(value.error) : `status ${statusCode}`;
  if (statusCode === 400 || statusCode === 404 || statusCode === 409) throw new BadQuestion(message, statusCode);
  throw new StartError('unavailable', [message]);
}
