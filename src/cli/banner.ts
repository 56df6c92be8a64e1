// Owns the lines that a start prints: what runs, what listens where, which policy holds, what is cached where, what to paste for curl and for
// the browser, and where the inspector is.

import { sizeText } from '../match/units.ts';
import type { RunningProxy } from '../proxy.ts';

export interface BannerFacts extends Pick<RunningProxy, 'listening' | 'policySummary' | 'cacheFacts' | 'asksForCredentials'> {
  readonly version: string;
  readonly nodeVersion: string;
  readonly processId: number;
  /** Their processes; empty where one process is all of the proxy. */
  readonly workers: readonly number[];
  /** Signs in whoever opens it first; `null` where the inspector is served on no address. */
  readonly inspectorLink: string | null;
}

/** Six lines, one more where there are workers, and one where there is an inspector. @param bold marks the labels */
export function banner(facts: BannerFacts, bold: (text: string) => string): string {
  const url = urlFromHere(facts.listening);
  const rows: readonly (readonly [string, string])[] = [
    ['sallyport', `${facts.version}, node ${facts.nodeVersion}, process ${facts.processId}`],
    ['listening', facts.listening.map((each) => each.url).join('  ')],
    ['policy', facts.policySummary],
    ...(facts.workers.length === 0 ? [] : ([['workers', `${facts.workers.length}, processes ${facts.workers.join(', ')}`]] as const)),
    ['cache', cacheText(facts.cacheFacts, facts.workers.length > 0)],
    ['curl', url === null ? NO_TCP : `curl --proxy ${url}${facts.asksForCredentials ? ' --proxy-user NAME' : ''} https://example.com/`],
    ['browser', url === null ? NO_TCP : `chromium --proxy-server=${url}`],
    ...(facts.inspectorLink === null ? [] : ([['inspector', facts.inspectorLink]] as const)),
  ];
  return rows.map(([label, text]) => `${bold(label.padEnd(9))}  ${text}`).join('\n');
}

function cacheText(cache: RunningProxy['cacheFacts'], isShared: boolean): string {
  if (cache === null) return 'off';
  const { memoryBytes, disk, offline, staleOk } = cache;
  const places = [
    ...(memoryBytes === 0 ? [] : [`${roundSize(memoryBytes)} in memory${isShared ? ' of all workers' : ''}`]),
    ...(disk === null ? [] : [`${roundSize(disk.maxBytes)} in ${disk.folder}`]),
  ];
  const mode = offline ? '; OFFLINE: no origin is asked' : '';
  return `${places.join(', ')}${mode}${staleOk ? '; stale responses answer, too' : ''}`;
}

/** As a setting would have it. */
function roundSize(bytes: number): string {
  return sizeText(bytes).replace('.0 ', ' ');
}

/** The first TCP listener as this machine reaches it, since nothing connects to 0.0.0.0; `null` where there is none. */
export function urlFromHere(listening: RunningProxy['listening']): string | null {
  const tcp = listening.find(({ address }) => address.kind === 'tcp');
  if (tcp === undefined) return null;
  return tcp.url.replace('//0.0.0.0:', '//127.0.0.1:').replace('//[::]:', '//[::1]:');
}

const NO_TCP = 'needs a TCP address as well: --listen 127.0.0.1:8080';
