// Owns what the proxy has to know of the machine that it runs on: which addresses are its own, how many files it may open, how
// many cores it has, and what time it is there.
import { availableParallelism, networkInterfaces } from 'node:os';

/** This machine's addresses, asked for at most once a second: interfaces come and go. */
export function createLocalAddresses(): () => readonly string[] {
  let askedMs = Number.NEGATIVE_INFINITY;
  let addresses: readonly string[] = [];
  return () => {
    const nowMs = performance.now();
    if (nowMs - askedMs > 1_000) {
      askedMs = nowMs;
      addresses = Object.values(networkInterfaces()).flatMap((list) => (list ?? []).map(({ address }) => address));
    }
    return addresses;
  };
}

/** How many processes can run at once, as far as this one may use the machine. */
export function coresOfThisMachine(): number {
  return availableParallelism();
}

/** How many files this process may have open; the system's report is the one place where Node tells. */
export function mostDescriptors(): number {
  const source: typeof process.report & { excludeNetwork?: boolean } = process.report;
  // Else it asks DNS for the names of all peers, and waits for them.
  source.excludeNetwork = true;
  const report: { readonly userLimits?: { readonly open_files?: { readonly soft: unknown } } } = source.getReport();
  const most = report.userLimits?.open_files?.soft;
  return typeof most === 'number' ? most : Number.POSITIVE_INFINITY;
}

/** The time as an HTTP date, made once a second. */
export function createDateClock(): () => string {
  let second = 0;
  let text = '';
  return () => {
    const now = Math.floor(Date.now() / 1000);
    if (now !== second) {
      second = now;
      text = new Date(now * 1000).toUTCString();
    }
    return text;
  };
}
