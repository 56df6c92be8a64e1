// Owns the page's one WebSocket: what has been asked for over it is asked again when it comes back, so that nobody else needs to know that it was gone.
// A page that nobody sees for a while takes back what it wants, and asks again when it is seen.
import { signal } from '@preact/signals';
import { getJson, pageKey } from './api.ts';
import type { FromServer, Status, ToServer } from './wire.ts';

export const connection = signal<'connecting' | 'live' | 'lost'>('connecting');

type Handler = (message: FromServer) => void;

const handlers = new Set<Handler>();
/** What holds until it is taken back, and what takes it back, by what it is about. */
const wanted = new Map<string, { readonly message: ToServer; readonly end: ToServer }>();
let socket: WebSocket | null = null;
let attempts = 0;
let isUnseen = false;
let unseenTimer: ReturnType<typeof setTimeout> | undefined;

export function connect(): void {
  // A page can add no fields to a handshake; the second of its protocols is the key.
  const opened = new WebSocket(new URL('/api/live', location.href.replace(/^http/, 'ws')), ['sallyport', pageKey()]);
  socket = opened;
  opened.onopen = () => {
    attempts = 0;
    connection.value = 'live';
    for (const { message } of wanted.values()) if (!waits(message)) say(message);
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

/** @param about  whatever was wanted about the same before is replaced @param end  what takes it back */
export function want(about: string, message: ToServer, end: ToServer): void {
  wanted.set(about, { message, end });
  if (!waits(message)) say(message);
}

export function unwant(about: string): void {
  const before = wanted.get(about);
  if (before === undefined) return;
  wanted.delete(about);
  if (!waits(before.message)) say(before.end);
}

document.addEventListener('visibilitychange', () => {
  clearTimeout(unseenTimer);
  if (document.visibilityState === 'hidden') unseenTimer = setTimeout(() => see(false), UNSEEN_MS);
  else see(true);
});

function see(isSeen: boolean): void {
  if (isUnseen !== isSeen) return;
  isUnseen = !isSeen;
  for (const { message, end } of wanted.values()) if (mayWait(message)) say(isSeen ? message : end);
}

function waits(message: ToServer): boolean {
  return isUnseen && mayWait(message);
}

/** What is asked for again tells all there is; of an exchange that is watched nobody would tell what changed meanwhile. */
function mayWait({ type }: ToServer): boolean {
  return type !== 'watch';
}

function say(message: ToServer): void {
  if (socket?.readyState === WebSocket.OPEN) socket.send(JSON.stringify(message));
}

const LONGEST_WAIT_MS = 4_000;
/** Whoever is only looking something up elsewhere finds all as it was. */
const UNSEEN_MS = 5_000;
