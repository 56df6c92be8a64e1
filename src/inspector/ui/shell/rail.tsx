// Owns the way between pages: a rail on the left, a bar at the bottom of a narrow screen, where those that are
// needed less are in a menu.
import { Icon, type IconName, Mark } from '../icons.tsx';
import { fragmentOf, go, PAGES, type PageName, route } from '../route.ts';
import { held } from '../status.ts';
import { showMenuAt } from './menu.tsx';

export const PAGE_TITLES: Readonly<Record<PageName, string>> = {
  traffic: 'Traffic',
  overview: 'Overview',
  policy: 'Policy',
  cache: 'Cache',
  rules: 'Rules',
  breakpoints: 'Breakpoints',
  clients: 'Clients',
  certificates: 'Certificates',
  sessions: 'Sessions',
};

export function Rail() {
  const here = route.value.page;
  return (
    <nav class="rail" aria-label="Pages">
      <span class="rail-mark">
        <Mark size={26} />
      </span>
      {PAGES.map((page, index) => (
        <a
          key={page}
          class={NEAR.has(page) ? '' : 'is-far'}
          href={fragmentOf({ page })}
          aria-current={page === here ? 'page' : undefined}
          title={`${PAGE_TITLES[page]} (${index + 1})`}
        >
          <Icon name={page satisfies IconName} size={18} />
          <span>{PAGE_TITLES[page]}</span>
          {page === 'breakpoints' && <HeldCount />}
        </a>
      ))}
      <More here={here} />
    </nav>
  );
}

/** The pages that a narrow screen has no room for. */
function More({ here }: { readonly here: PageName }) {
  const isHere = !NEAR.has(here);
  const far = PAGES.filter((page) => !NEAR.has(page));
  const choose = (event: Event) =>
    showMenuAt('Pages', event, () =>
      far.map((page) => ({ label: PAGE_TITLES[page], icon: page satisfies IconName, run: () => go({ page }) })),
    );
  return (
    <button type="button" class="rail-more" aria-haspopup="menu" aria-current={isHere ? 'page' : undefined} onClick={choose}>
      <Icon name={isHere ? here : 'more'} size={18} />
      <span>{isHere ? PAGE_TITLES[here] : 'More'}</span>
      <HeldCount />
    </button>
  );
}

function HeldCount() {
  if (held.value.length === 0) return null;
  return (
    <span class="rail-count">
      {held.value.length}
      <span class="unseen"> held</span>
    </span>
  );
}

/** At hand on any screen. */
const NEAR: ReadonlySet<PageName> = new Set(['traffic', 'overview', 'policy', 'rules']);
