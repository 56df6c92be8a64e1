// Owns what the API says of the proxy as a whole: that it runs and what it records, how much passes, who its clients are, and its certificates.
import { valueAnswer } from '../admin/answers.ts';
import type { FlowStore } from '../flows/store/flow-store.ts';
import type { Route } from './route.ts';
import { SESSION, sessionIn } from './traffic-routes.ts';

export interface OverviewParts {
  readonly store: () => Pick<FlowStore, 'ask'> | null;
  /** What runs, where it listens, which policy holds; and what recording has left out. */
  readonly facts: () => object;
  /** The CA, and what programs need to trust it; `null` while the policy opens nothing. */
  readonly certificates: () => object | null;
  /** Counts since the start, for Prometheus. */
  readonly metrics: () => Promise<string>;
}

export function overviewRoutes(parts: OverviewParts): readonly Route[] {
  const { store, certificates, metrics } = parts;
  return [
    {
      method: 'GET',
      path: '/api/status',
      summary: 'What runs, and what it records',
      answers: 'Version, listeners, policy, and the session that is recorded into; null there while nothing is',
      answer: async () => valueAnswer(await statusOf(parts)),
    },
    {
      method: 'GET',
      path: '/api/overview',
      summary: 'How much passes: rates, the largest hosts, clients and users, and what the cache saved',
      query: { session: SESSION },
      answers: 'Counts of all that ended in the session, and of each of the last 600 seconds',
      answer: async ({ query }) => valueAnswer((await store()?.ask({ kind: 'overview', ...sessionIn(query) })) ?? null),
    },
    {
      method: 'GET',
      path: '/api/clients',
      summary: 'Clients and users, by the number of exchanges',
      answers: '{clients, users}',
      async answer() {
        const overview = await store()?.ask({ kind: 'overview' });
        return valueAnswer({ clients: overview?.clients ?? [], users: overview?.users ?? [] });
      },
    },
    {
      method: 'GET',
      path: '/api/certificates',
      summary: 'The CA that tunnels are opened under',
      answers: 'Its certificate and how to trust it; null while the policy opens nothing',
      answer: () => valueAnswer(certificates()),
    },
    {
      method: 'GET',
      path: '/metrics',
      summary: 'Counts since the start, in the text format of Prometheus',
      answers: 'text/plain; version=0.0.4',
      answer: async () => ({
        kind: 'octets',
        type: 'text/plain; version=0.0.4; charset=utf-8',
        content: Buffer.from(await metrics()),
        fields: {},
      }),
    },
  ];
}

/** What the header of the page shows. Recording that has ended is none. */
export async function statusOf({ store, facts }: OverviewParts): Promise<object> {
  const recording = await store()
    ?.ask({ kind: 'status' })
    .catch(() => null);
  return { ...facts(), recording: recording ?? null };
}
