// Owns the five lines that a start prints: what runs, what listens where, which policy holds, and what to paste for curl and for the browser.
import type { RunningProxy } from '../proxy.ts';

export interface BannerFacts extends Pick<RunningProxy, 'listening' | 'policySummary' | 'asksForCredentials'> {
  readonly version: string;
  readonly nodeVersion: string;
  readonly processId: number;
}

/** Exactly five lines. @param bold marks the labels */
export function banner(facts: BannerFacts, bold: (text: string) => string): string {
  const url = urlToPaste(facts.listening);
  const rows: readonly (readonly [string, string])[] = [
    ['sallyport', `${facts.version}, node ${facts.nodeVersion}, process ${facts.processId}`],
    ['listening', facts.listening.map((each) => each.url).join('  ')],
    ['policy', facts.policySummary],
    ['curl', url === null ? NO_TCP : `curl --proxy ${url}${facts.asksForCredentials ? ' --proxy-user NAME' : ''} https://example.com/`],
    ['browser', url === null ? NO_TCP : `chromium --proxy-server=${url}`],
  ];
  return rows.map(([label, text]) => `${bold(label.padEnd(9))}  ${text}`).join('\n');
}

/** The first TCP listener as this machine reaches it: nothing connects to 0.0.0.0. */
function urlToPaste(listening: RunningProxy['listening']): string | null {
  const tcp = listening.find(({ address }) => address.kind === 'tcp');
  if (tcp === undefined) return null;
  return tcp.url.replace('//0.0.0.0:', '//127.0.0.1:').replace('//[::]:', '//[::1]:');
}

const NO_TCP = 'needs a TCP address as well: --listen 127.0.0.1:8080';
