// Owns asking the admin API: JSON both ways, in this page's origin, with the cookie and the key that sign-in left. A refusal for want of it signs the page out;
// every other one becomes an ApiProblem whose message is the API's own sentence.
import { signal } from '@preact/signals';
import { inSession } from './session.ts';
import type { RuleProblem } from './wire.ts';

/** `null` until the first answer has said so. */
export const isSignedIn = signal<boolean | null>(null);

export class ApiProblem extends Error {
  readonly status: number;
  /** Of rules that cannot be used: where. */
  readonly problems: readonly RuleProblem[];

  constructor(status: number, message: string, problems: readonly RuleProblem[] = []) {
    super(message);
    this.status = status;
    this.problems = problems;
  }
}

/** @throws ApiProblem */
export async function getJson<T>(path: string, signal?: AbortSignal): Promise<T> {
  const response = await request(path, { method: 'GET', ...(signal && { signal }) });
  return (await response.json()) as T;
}

/** @throws ApiProblem */
export async function write<T = unknown>(method: 'POST' | 'PUT' | 'DELETE', path: string, content: unknown = {}): Promise<T> {
  const response = await request(path, { method, headers: { 'Content-Type': 'application/json' }, body: JSON.stringify(content) });
  const text = await response.text();
  return (text === '' ? {} : JSON.parse(text)) as T;
}

/** Octets as they are. @throws ApiProblem */
export async function getOctets(path: string, signal?: AbortSignal): Promise<Uint8Array<ArrayBuffer>> {
  const response = await request(path, { method: 'GET', ...(signal && { signal }) });
  return new Uint8Array(await response.arrayBuffer());
}

/** Hands a file over as it is. @throws ApiProblem */
export async function putFile<T>(path: string, file: Blob): Promise<T> {
  const response = await request(path, { method: 'POST', headers: { 'Content-Type': 'application/octet-stream' }, body: file });
  return (await response.json()) as T;
}

/** @throws ApiProblem when the code is not, or no longer, good */
export async function signIn(code: string): Promise<void> {
  const headers = { 'Content-Type': 'application/json' };
  const response = await sent('/api/sign-in', { method: 'POST', headers, body: JSON.stringify({ code }) });
  if (!response.ok) throw await problemOf(response);
  // First: what comes next needs it.
  localStorage.setItem(KEY_NAME, ((await response.json()) as { readonly key: string }).key);
  isSignedIn.value = true;
}

/** A cookie goes to every port of this machine; this does not. `none` before somebody has signed in. */
export function pageKey(): string {
  return localStorage.getItem(KEY_NAME) ?? 'none';
}

async function request(path: string, init: RequestInit): Promise<Response> {
  const response = await sent(path, init);
  if (response.ok) {
    isSignedIn.value = true;
    return response;
  }
  if (response.status === 401) isSignedIn.value = false;
  throw await problemOf(response);
}

async function sent(path: string, init: RequestInit): Promise<Response> {
  const headers = { ...init.headers, 'X-Sallyport-Key': pageKey() };
  try {
    return await fetch(init.method === 'GET' ? inSession(path) : path, { ...init, headers, credentials: 'same-origin', redirect: 'error' });
  } catch (error) {
    if (error instanceof DOMException && error.name === 'AbortError') throw error;
    throw new ApiProblem(0, 'The proxy does not answer. Is it still running?');
  }
}

async function problemOf(response: Response): Promise<ApiProblem> {
  try {
    const { error, problems } = (await response.json()) as { error: string; problems?: readonly RuleProblem[] };
    return new ApiProblem(response.status, error, problems);
  } catch {
    return new ApiProblem(response.status, `The proxy answered ${response.status}.`);
  }
}

/** The sentence to show for whatever was thrown. */
export function problemText(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

const KEY_NAME = 'sallyport-key';
