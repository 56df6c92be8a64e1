// Owns which platform somebody asks from, as far as the request says so: `Sec-CH-UA-Platform` where the browser sends it, else `User-Agent`.
// A guess, and shown as one: whoever is taken for somebody else chooses from the list. Only substrings are looked for; neither field is repeated.

/** Where certificates are trusted in a way of its own. */
export type Platform =
  | 'windows'
  | 'macos'
  | 'ios'
  | 'android'
  | 'debian'
  | 'fedora'
  | 'firefox'
  | 'chromium-linux'
  | 'java'
  | 'command-line';

/** In the order of the list on the page. */
export const PLATFORMS: Readonly<Record<Platform, string>> = {
  windows: 'Windows',
  macos: 'macOS',
  ios: 'iPhone and iPad',
  android: 'Android',
  debian: 'Debian and Ubuntu',
  fedora: 'Fedora',
  firefox: 'Firefox',
  'chromium-linux': 'Chromium on Linux',
  java: 'Java',
  'command-line': 'Command line',
};

/**
 * @param userAgent the User-Agent field
 * @param hint the Sec-CH-UA-Platform field (User-Agent Client Hints §3.7)
 * @throws never
 */
export function detectPlatform(userAgent: string | undefined, hint: string | undefined): Platform {
  const agent = userAgent?.slice(0, MAX_CHARACTERS) ?? '';
  // Firefox has a store of its own, but for phones, where it is the system's.
  for (const [part, platform] of PHONES) if (agent.includes(part)) return platform;
  if (agent.includes('Firefox/')) return 'firefox';
  for (const [value, platform] of HINTS) if (hint === `"${value}"`) return platform;
  for (const [part, platform] of AGENTS) if (agent.includes(part)) return platform;
  return 'command-line';
}

const MAX_CHARACTERS = 1024;
const PHONES: readonly (readonly [string, Platform])[] = [
  ['iPhone', 'ios'],
  ['iPad', 'ios'],
  ['Android', 'android'],
];
const HINTS: readonly (readonly [string, Platform])[] = [
  ['Windows', 'windows'],
  ['macOS', 'macos'],
  ['iOS', 'ios'],
  ['Android', 'android'],
  ['Linux', 'chromium-linux'],
];
/** In this order: what names a program says more than the system that it runs on. */
const AGENTS: readonly (readonly [string, Platform])[] = [
  ['Java/', 'java'],
  ['Java-http-client/', 'java'],
  ['Windows NT', 'windows'],
  ['Macintosh', 'macos'],
  ['Fedora', 'fedora'],
  ['Chrome/', 'chromium-linux'],
  ['X11', 'debian'],
];
