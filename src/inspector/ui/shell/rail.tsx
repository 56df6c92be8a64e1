// Owns the way between pages: a rail on the left, a bar at the bottom of a narrow screen.
import { Icon, type IconName, Mark } from '../icons.tsx';
import { fragmentOf, PAGES, type PageName, route } from '../route.ts';
import { held } from '../status.ts';

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
          href={fragmentOf({ page })}
          aria-current={page === here ? 'page' : undefined}
          title={`${PAGE_TITLES[page]} (${index + 1})`}
        >
          <Icon name={page satisfies IconName} size={18} />
          <span>{PAGE_TITLES[page]}</span>
          {page === 'breakpoints' && held.value.length > 0 && (
            <span class="rail-count">
              {held.value.length}
              <span class="unseen"> held</span>
            </span>
          )}
        </a>
      ))}
    </nav>
  );
}
