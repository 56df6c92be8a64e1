// Owns the hosts that the traffic went to, for the tree and for completion. They are asked for while somebody looks, no oftener than they can be read.
import { computed, signal } from '@preact/signals';
import type { HostCounts } from '../../../flows/store/protocol.ts';
import { getJson } from '../api.ts';

export const hosts = signal<readonly HostCounts[]>([]);

/** Busiest first. */
export const knownHosts = computed(() => hosts.value.toSorted((a, b) => b.exchanges - a.exchanges).map(({ host }) => host));

/** @param filter  without the tree's own choice, so that the others stay to be chosen @returns what ends it */
export function watchHosts(filter: string): () => void {
  const controller = new AbortController();
  const ask = async (): Promise<void> => {
    try {
      hosts.value = await getJson<HostCounts[]>(`/api/hosts?filter=${encodeURIComponent(filter)}`, controller.signal);
    } catch {
      // The list tells of a proxy that is away or of a filter that is wrong; the tree keeps what it has.
    }
    if (!controller.signal.aborted) setTimeout(ask, EVERY_MS);
  };
  void ask();
  return () => controller.abort();
}

export interface HostNode {
  /** `shop.example`, or a whole host below it. */
  readonly name: string;
  readonly exchanges: number;
  readonly denied: number;
  readonly failed: number;
  readonly hosts: readonly HostCounts[];
}

/** Hosts by what their names end in, busiest first. Only the last two labels join: a public suffix list is not worth its size here. */
export function treeOf(rows: readonly HostCounts[]): readonly HostNode[] {
  const groups = Map.groupBy(rows, ({ host }) => siteOf(host));
  const nodes = [...groups].map(([name, of]) => {
    const sum = (key: 'exchanges' | 'denied' | 'failed') => of.reduce((total, row) => total + row[key], 0);
    return {
      name,
      exchanges: sum('exchanges'),
      denied: sum('denied'),
      failed: sum('failed'),
      hosts: of.toSorted((a, b) => b.exchanges - a.exchanges),
    };
  });
  return nodes.sort((a, b) => b.exchanges - a.exchanges);
}

function siteOf(host: string): string {
  if (host.includes(':') || /^[\d.]+$/.test(host)) return host;
  const labels = host.split('.');
  // `co.uk` and its like: a short label before a country's.
  const depth = labels.length > 2 && labels.at(-1)!.length === 2 && labels.at(-2)!.length <= 3 ? 3 : 2;
  return labels.slice(-depth).join('.');
}

const EVERY_MS = 2_000;
