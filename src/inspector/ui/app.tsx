// Owns the frame around every page, and which page is in it.
import type { ComponentType } from 'preact';
import { isSignedIn } from './api.ts';
import { Mark } from './icons.tsx';
import { useKeys } from './keyboard.ts';
import { BreakpointsPage } from './pages/breakpoints.tsx';
import { CachePage } from './pages/cache.tsx';
import { CertificatesPage } from './pages/certificates.tsx';
import { ClientsPage } from './pages/clients.tsx';
import { OverviewPage } from './pages/overview.tsx';
import { PolicyPage } from './pages/policy.tsx';
import { RulesPage } from './pages/rules.tsx';
import { SessionsPage } from './pages/sessions.tsx';
import { go, PAGES, type PageName, route } from './route.ts';
import { openedSession } from './session.ts';
import { DialogLayer } from './shell/dialog.tsx';
import { Header, nextTheme } from './shell/header.tsx';
import { showKeyboardHelp } from './shell/keyboard-help.tsx';
import { MenuLayer } from './shell/menu.tsx';
import { Notices } from './shell/notices.tsx';
import { Rail } from './shell/rail.tsx';
import { SignInPage } from './shell/sign-in.tsx';
import { TrafficPage } from './traffic/traffic-page.tsx';

const CONTENT: Readonly<Record<PageName, ComponentType>> = {
  traffic: TrafficPage,
  overview: OverviewPage,
  policy: PolicyPage,
  cache: CachePage,
  rules: RulesPage,
  breakpoints: BreakpointsPage,
  clients: ClientsPage,
  certificates: CertificatesPage,
  sessions: SessionsPage,
};

export function App() {
  if (isSignedIn.value === null) return <Opening />;
  return isSignedIn.value ? <Frame /> : <SignInPage />;
}

function Frame() {
  const pageKeys = PAGES.map((page, index) => [String(index + 1), () => go({ page })] as const);
  useKeys({ ...Object.fromEntries(pageKeys), '?': showKeyboardHelp, t: nextTheme });
  const { page } = route.value;
  const Content = CONTENT[page];
  return (
    <div class="frame">
      <Rail />
      <div class="beside-rail">
        <Header />
        <main class={`page page-${page}`} id="page">
          <Content key={openedSession.value} />
        </main>
      </div>
      <MenuLayer />
      <DialogLayer />
      <Notices />
    </div>
  );
}

function Opening() {
  return (
    <main class="sign-in" aria-busy="true">
      <Mark size={56} />
      <p class="soft">Opening …</p>
    </main>
  );
}
