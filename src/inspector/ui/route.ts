// Owns where in the inspector somebody is: the fragment of the address, so that Back works, a reload stays and a place can be linked to.
// `#/traffic/812/why` is the Why tab of exchange 812. The fragment `#open=CODE` is sign-in's and never gets here.
import { signal } from '@preact/signals';

export const PAGES = ['traffic', 'overview', 'policy', 'cache', 'rules', 'breakpoints', 'clients', 'certificates', 'sessions'] as const;
export type PageName = (typeof PAGES)[number];

export interface Route {
  readonly page: PageName;
  /** Of the exchange that is shown; `null` shows none. */
  readonly id: number | null;
  /** `null` is the last one that was looked at. */
  readonly tab: string | null;
}

export const route = signal<Route>(parseRoute(location.hash));

addEventListener('hashchange', () => {
  route.value = parseRoute(location.hash);
});

function parseRoute(fragment: string): Route {
  const [page = '', id = '', tab = ''] = fragment.replace(/^#\/?/, '').split('/');
  return {
    page: PAGES.find((name) => name === page) ?? 'traffic',
    id: /^\d{1,15}$/.test(id) ? Number(id) : null,
    tab: tab === '' ? null : tab,
  };
}

export function fragmentOf({ page, id, tab }: Partial<Route> & Pick<Route, 'page'>): string {
  return `#/${[page, id, tab].filter((part) => part !== null && part !== undefined).join('/')}`;
}

/** @param isStep  whether Back is to come back to where we are; moving through a list is no step */
export function go(to: Partial<Route> & Pick<Route, 'page'>, isStep = true): void {
  const fragment = fragmentOf(to);
  if (fragment === location.hash) return;
  if (isStep) location.hash = fragment;
  else {
    history.replaceState(null, '', fragment);
    route.value = parseRoute(fragment);
  }
}
