// Owns which session is looked at: the one that is recorded into, or one that was kept. Every question about exchanges is about that one, so it is put
// into all of them at one place, and nobody can forget it.
import { signal } from '@preact/signals';

/** `null` is the one that is recorded into. */
export const openedSession = signal<string | null>(null);

/** The same question, about the session that is looked at. */
export function inSession(path: string): string {
  const session = openedSession.value;
  if (session === null || !ABOUT_EXCHANGES.test(path)) return path;
  return `${path}${path.includes('?') ? '&' : '?'}session=${encodeURIComponent(session)}`;
}

const ABOUT_EXCHANGES = /^\/api\/(?:exchanges\/\d|hosts\b|export\.har\b)/;
