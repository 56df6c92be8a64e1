// Owns the page's one WebSocket: what has been asked for over it is asked again when it comes back, so that nobody else needs to know that it was gone.
import { signal } from '@preact/signals';
import { getJson, pageKey } from './api.ts';
import type { FromServer, Status, ToServer } from './wire.ts';

export const connection = signal<'connecting' | 'live' | 'lost'>('connecting');

type Handler = (message: FromServer) => void;

const handlers = new Set<Handler>();
/** What holds until it is taken back, by what it is about. */
const wanted = new Map<string, ToServer>();
let socket: WebSocket | null = null;
let attempts = 0;

export function connect(): void {
  // A page can add no fields to a handshake; the second of its protocols is the key.
  const opened = new WebSocket(new URL('/api/live', location.href.replace(/^http/, 'ws')), ['sallyport', pageKey()]);
  socket = opened;
  opened.onopen = () => {
    attempts = 0;
    connection.value = 'live';
    for (const message of wanted.values()) opened.send(JSON.stringify(message));
  };
  opened.onmessage = ({ data }) => {
    const message = JSON.parse(data as string) as FromServer;
    for (const handle of handlers) handle(message);
  };
  opened.onclose = () => {
    connection.value = 'lost';
    attempts += 1;
    setTimeout(retry, Math.min(LONGEST_WAIT_MS, 250 * 2 ** attempts));
  };
}

/** A handshake that is refused says nothing to a page; an ordinary question tells a proxy that is away from one that wants us to sign in. */
async function retry(): Promise<void> {
  try {
    await getJson<Status>('/api/status');
  } catch {
    // Whatever it was: the next attempt, or the sign-in page, shows it.
  }
  connect();
}

/** @returns what ends it */
export function listen(handle: Handler): () => void {
  handlers.add(handle);
  return () => handlers.delete(handle);
}

/** @param about  whatever was wanted about the same before is replaced */
export function want(about: string, message: ToServer): void {
  wanted.set(about, message);
  say(message);
}

/** @param message  what tells the proxy */
export function unwant(about: string, message: ToServer): void {
  if (wanted.delete(about)) say(message);
}

function say(message: ToServer): void {
  if (socket?.readyState === WebSocket.OPEN) socket.send(JSON.stringify(message));
}

const LONGEST_WAIT_MS = 4_000;
