// The inspector's page in Chromium: what somebody does on it, with a stand-in for the proxy behind it. That it can be read and used by everybody
// (WCAG 2.2 AA) is checked by axe on every page, in both themes; that nothing of what was captured ever becomes part of it, with content that would.
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import type { Browser, BrowserContext, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { matches } from '../../src/flows/filter/match.ts';
import { parseFilter } from '../../src/flows/filter/parse.ts';
import type { Summary } from '../../src/flows/recorded.ts';
import { type InspectorFixture, startInspectorFixture } from '../support/inspector-fixture.ts';
import { launchChromium } from '../support/launch-chromium.ts';
import { describeWith } from '../support/programs.ts';

describeWith(['chromium'], 'The inspector', () => {
  let browser: Browser;
  let fixture: InspectorFixture;
  let context: BrowserContext;
  let page: Page;
  let problems: string[];

  beforeAll(async () => {
    const built = spawnSync(process.execPath, [path.join(root, '.config/ensure-page.cjs')], { encoding: 'utf8' });
    expect(built.stderr).toBe('');
    fixture = await startInspectorFixture(100_000, keptBy);
    browser = await launchChromium(null);
  });
  afterAll(async () => {
    await browser.close();
    await fixture.close();
  });

  beforeEach(async () => {
    context = await browser.newContext({ viewport: { width: 1280, height: 800 }, permissions: ['clipboard-read', 'clipboard-write'] });
    page = await context.newPage();
    page.setDefaultTimeout(30_000);
    problems = [];
    page.on('console', (message) => problems.push(message.text()));
    page.on('pageerror', (error) => problems.push(error.message));
  });
  afterEach(() => context.close());

  /** As somebody who has signed in before. */
  async function open(fragment = '#/traffic'): Promise<void> {
    const [name, value] = fixture.cookie;
    await context.addCookies([{ name, value, url: fixture.url, httpOnly: true, sameSite: 'Strict' }]);
    await page.goto(`${fixture.url}/${fragment}`);
    await page.locator('.rail').waitFor();
  }

  const counted = (count: number) => page.getByText(`${count.toLocaleString('en-US')} exchanges`, { exact: true });
  const rows = () => page.locator('.row[role=row]');

  test('the printed link signs in once, and its code does not stay in the address', async () => {
    await page.goto(fixture.link);
    await counted(fixture.total()).waitFor();
    expect(page.url()).toBe(`${fixture.url}/#/traffic`);
    const other = await browser.newPage();
    await other.goto(fixture.link);
    await other.getByText('This link has been used').waitFor();
    expect(await other.locator('.command-line code').textContent()).toBe('sallyport inspector');
    await other.close();
    await page.reload();
    await counted(fixture.total()).waitFor();
  });

  test('of 100,000 exchanges those on the screen are elements, wherever one scrolls', async () => {
    await open();
    await page.locator(`#row-${fixture.total()}`).waitFor();
    expect(await rows().count()).toBeLessThan(60);
    await page.keyboard.press('g');
    await page.locator('#row-1').waitFor();
    await page.evaluate("document.querySelector('.list').scrollTop = 50000 * 28");
    await page.locator('#row-50010').waitFor();
    expect(await rows().count()).toBeLessThan(60);
  });

  test('the newest is followed until one scrolls away, and again on demand', async () => {
    await open();
    await page.locator(`#row-${fixture.total()}`).waitFor();
    fixture.add(40);
    await page.locator(`#row-${fixture.total()}`).waitFor();
    await page.mouse.move(400, 400);
    await page.evaluate(
      "void (globalThis.scrolled = new Promise((end) => document.querySelector('.list').addEventListener('scrollend', end)))",
    );
    await page.mouse.wheel(0, -600);
    await page.getByRole('button', { name: 'Follow', pressed: false }).waitFor();
    await page.evaluate('scrolled.then(() => {})');
    const first = await rows().first().getAttribute('id');
    fixture.add(40);
    await counted(fixture.total()).waitFor();
    expect(await rows().first().getAttribute('id')).toBe(first);
    await page.keyboard.press('f');
    await page.locator(`#row-${fixture.total()}`).waitFor();
  });

  test('a link to one exchange brings its row into view, wherever it is in the list', async () => {
    for (const id of [2, 41_377, 99_990]) {
      await page.goto('about:blank');
      await open(`#/traffic/${id}`);
      const row = page.locator(`#row-${id}[aria-selected=true]`);
      await row.waitFor();
      const places = async () => ({ list: (await page.locator('.list').boundingBox())!, place: (await row.boundingBox())! });
      const isInside = ({ list, place }: Awaited<ReturnType<typeof places>>) =>
        place.y >= list.y + 28 && place.y + place.height <= list.y + list.height;
      await expect.poll(places).toSatisfy(isInside);
      const { place } = await places();
      fixture.add(40);
      await counted(fixture.total()).waitFor();
      if (id < 99_990) expect(await row.boundingBox()).toEqual(place);
    }
    // From one to the other, within the page.
    await page.evaluate("location.hash = '#/traffic/500'");
    await page.locator('#row-500[aria-selected=true]').waitFor();
    await page.keyboard.press('j');
    await page.locator('#row-501[aria-selected=true]').waitFor();
  });

  test('a link brings its row into view where a filter leaves out most of the others, too', async () => {
    await open();
    await page.getByLabel('Filter', { exact: true }).fill('is:denied');
    await page.getByText(/^\d\d?,\d{3} exchanges$/).waitFor();
    await page.evaluate("document.querySelector('.list').scrollTop = 800 * 28");
    await page.getByRole('button', { name: 'Follow', pressed: false }).waitFor();
    await page.locator('.row[aria-rowindex="802"][id]').waitFor();
    const id = await page.locator('.row[aria-rowindex="802"]').getAttribute('id');
    await page.getByRole('button', { name: 'Follow' }).click();
    await page.locator(`.row[aria-rowindex="802"]`).waitFor({ state: 'detached' });
    await page.evaluate(`location.hash = '#/traffic/${id!.replace('row-', '')}'`);
    await page.locator(`#${id}[aria-selected=true]`).waitFor();
  });

  test('a filter narrows the list, completes words, and says at which column it cannot be read', async () => {
    await open();
    await page.keyboard.press('/');
    await page.keyboard.type('is:den');
    await page.getByRole('option', { name: 'denied' }).waitFor();
    await page.keyboard.press('Tab');
    await expect.poll(() => page.getByLabel('Filter', { exact: true }).inputValue()).toBe('is:denied');
    await page.getByText(/^\d\d?,\d{3} exchanges$/).waitFor();
    await expect
      .poll(() => page.locator('.row .standing').evaluateAll((all) => all.map((each) => each.ariaLabel)))
      .toSatisfy((words: string[]) => words.every((each) => each.startsWith('Denied')));
    await page.keyboard.type(' status:abc');
    expect(await page.getByRole('alert').textContent()).toContain('Column');
    await page.getByLabel('Clear the filter').click();
    await counted(fixture.total()).waitFor();
  });

  test('everything is done by keyboard: choose, open, change tabs, replay, copy, back', async () => {
    await open();
    await page.locator(`#row-${fixture.total()}`).waitFor();
    await page.keyboard.press('k');
    await page.keyboard.press('k');
    await page.keyboard.press('Enter');
    await page.getByRole('tab', { name: 'Response', selected: true }).waitFor();
    await page.keyboard.press(']');
    await page.getByRole('tab', { name: 'Why', selected: true }).waitFor();
    await page.getByText('Rules, in their order').waitFor();
    await page.keyboard.press('r');
    await page.getByText(/^Replayed as/).waitFor();
    expect(fixture.written.at(-1)).toMatch(/^POST \/api\/exchanges\/\d+\/replay /);
    await page.keyboard.press('c');
    await page.getByText('Copied it as a curl command.').waitFor();
    expect(await page.evaluate('navigator.clipboard.readText()')).toMatch(/^curl 'http/);
    await page.keyboard.press('Escape');
    await page.getByRole('tab').first().waitFor({ state: 'detached' });
  });

  test('secrets are masks until they are asked for', async () => {
    await open('#/traffic/99984/request');
    await page.getByRole('button', { name: 'masked 28 octets' }).waitFor();
    expect(await page.textContent('.detail')).not.toContain('session=4f1c9ab2');
    await page.getByRole('button', { name: 'masked 28 octets' }).click();
    await page.getByText('session=4f1c9ab2').waitFor();
  });

  test('captured content is text: no markup of it is parsed, no script runs, no SVG is drawn', async () => {
    await open();
    await page.locator(`#row-${fixture.total()}`).waitFor();
    const html = await page.evaluate(findHtmlRow);
    await page.goto(`${fixture.url}/#/traffic/${html}/response`);
    await page.getByText('captured content must not run').waitFor();
    expect(await page.title()).toBe('Sallyport');
    expect(await page.locator('.content-box script, .content-box img, .content-box h1, .content-box svg:not(.icon)').count()).toBe(0);
    expect(problems).toEqual([]);
  });

  test('a request is edited and sent again', async () => {
    await open('#/traffic/99984/request');
    await page.getByRole('button', { name: 'Edit', exact: true }).click();
    await page.getByLabel('URL', { exact: true }).fill('https://api.shop.example/v2/other');
    await page.getByRole('button', { name: 'Send' }).click();
    await page.getByText(/^Sent as/).waitFor();
    expect(fixture.written.at(-1)).toContain('"url":"https://api.shop.example/v2/other"');
  });

  test('what is held stays on the page when an answer of before it was held comes late', async () => {
    const told = page
      .waitForEvent('websocket')
      .then((live) => live.waitForEvent('framereceived', ({ payload }) => String(payload).includes('"type":"breakpoints"')));
    await page.route('**/api/breakpoints', async (route) => {
      const response = await route.fetch();
      const json = { ...((await response.json()) as object), held: [] };
      await told;
      await route.fulfill({ response, json });
    });
    await open('#/breakpoints');
    await page.locator('.breakpoint-list li').first().waitFor();
    await page.evaluate('new Promise((drawn) => requestAnimationFrame(() => setTimeout(drawn, 200)))');
    expect(await page.locator('.queue-item').count()).toBeGreaterThan(0);
  });

  test('what is held at a breakpoint is edited and goes on', async () => {
    await open('#/breakpoints');
    await page.getByLabel('Content').fill('{"item":81,"count":3}');
    await page.getByRole('button', { name: 'Continue as edited' }).click();
    await page.getByText('It goes on.').waitFor();
    const edited = JSON.parse(fixture.written.at(-1)!.split(' ').slice(2).join(' ')) as { edited: { content: string } };
    expect(atob(edited.edited.content)).toBe('{"item":81,"count":3}');
  });

  test('rules that somebody writes on as soon as they can be seen stay as they are written', async () => {
    // Whatever the page does a moment after it has drawn, it does when the clock goes on.
    await page.clock.install({ time: 0 });
    await page.clock.pauseAt(1_000);
    await open('#/rules');
    const editor = page.getByLabel('The rules as YAML');
    while ((await editor.count()) === 0) await page.clock.runFor(50);
    await editor.fill('version: 1 # and no more');
    await page.clock.runFor(1_000);
    expect(await editor.inputValue()).toBe('version: 1 # and no more');
  });

  test('rules that cannot be used are told of at their line, and nothing changes', async () => {
    await open('#/rules');
    const editor = page.getByLabel('The rules as YAML');
    const text = await editor.inputValue();
    await editor.fill(text.replace('    match:', '    mtach:'));
    await page.keyboard.press('Control+s');
    await page.getByRole('button', { name: '5:5' }).waitFor();
    await editor.fill(`${text}# and no more\n`);
    await page.getByRole('button', { name: 'Save' }).click();
    await page.getByText('The rules hold from now on.').waitFor();
  });

  test('columns are as wide as the arrow keys make them, and get their own width back', async () => {
    await open();
    const edge = page.getByRole('separator', { name: 'Width of Host' });
    const title = page.getByRole('columnheader', { name: 'Host' });
    const widths = async () => [await edge.getAttribute('aria-valuenow'), (await title.boundingBox())!.width];
    await expect.poll(widths).toEqual(['176', 176]);
    await edge.press('ArrowLeft');
    await expect.poll(widths).toEqual(['168', 168]);
    await edge.press('Shift+ArrowRight');
    await expect.poll(widths).toEqual(['200', 200]);
    await edge.press('Enter');
    await expect.poll(widths).toEqual(['176', 176]);
  });

  test('a stored response opens from its row: its age, what it was selected by, its tags and fields', async () => {
    await open('#/cache');
    const url = page.getByRole('button', { name: 'https://cdn.shop.example/assets/chunk.3dde.js', exact: true });
    await url.press('Enter');
    const detail = page.locator('.entry-detail');
    for (const text of ['age 80 s = 0 s as received + 80 s here', 'accept-encoding: br', 'assets release-81', 'max-age=86400']) {
      await detail.getByText(text).waitFor();
    }
    await page.setViewportSize({ width: 390, height: 844 });
    expect(await axeProblems(page)).toEqual([]);
    expect(await page.evaluate(WIDEST)).toBeNull();
    await url.press('Enter');
    await detail.waitFor({ state: 'detached' });
  });

  test('what refused an exchange can be read on a narrow screen, however long the name of its rule is', async () => {
    const rule = 'Nothing of the kind that nobody wants to see during lessons, and neither in the breaks';
    await page.route('**/api/exchanges/99947', async (asked) => {
      const exchange = await (await asked.fetch()).json();
      await asked.fulfill({ json: { ...exchange, summary: { ...exchange.summary, outcome: 'denied', decision: 'deny', rule } } });
    });
    await page.setViewportSize({ width: 390, height: 844 });
    await open('#/traffic/99947');
    const badge = page.locator('.detail-standing .tag', { hasText: `Denied by rule ‘${rule}’` });
    const { x, width } = (await badge.boundingBox())!;
    expect(x + width).toBeLessThanOrEqual(390);
  });

  test('a proxy that went away is told of, and the list goes on when it is back', async () => {
    await open();
    fixture.disconnect();
    await page.getByText('The proxy does not answer. Trying again').waitFor();
    fixture.add(5);
    await page.locator(`#row-${fixture.total()}`).waitFor();
  });

  test('a page that nobody sees asks for nothing, and shows what is there when it is seen again', async () => {
    await page.clock.install();
    await open();
    await page.locator(`#row-${fixture.total()}`).waitFor();
    const before = fixture.total();
    const turn = (state: 'hidden' | 'visible') =>
      page.evaluate(`Object.defineProperty(document, 'visibilityState', { configurable: true, value: '${state}' });
        document.dispatchEvent(new Event('visibilitychange'))`);
    await turn('hidden');
    await page.clock.runFor(6_000);
    await expect.poll(() => fixture.views()).toBe(0);
    fixture.add(5);
    await turn('visible');
    await page.locator(`#row-${before + 5}`).waitFor();
  });

  test('every page can be read and used by everybody, light and dark (WCAG 2.2 AA, axe)', async () => {
    await open();
    const found: string[] = [];
    for (const [fragment, shown] of PLACES) {
      await page.goto(`${fixture.url}/${fragment}`);
      await page.locator('.page').getByText(shown).first().waitFor();
      found.push(...(await axeProblems(page)).map((problem) => `${fragment}: ${problem}`));
    }
    expect(found).toEqual([]);
  });

  test('so can every window and menu, opened by keyboard, which then gets back to where it was', async () => {
    await open();
    const found: string[] = [];
    for (const [fragment, opener, shown] of WINDOWS) {
      await page.goto(`${fixture.url}/${fragment}`);
      await page.locator('.list-foot, .section').first().waitFor();
      if (typeof opener === 'string') {
        await page.getByRole('button', { name: opener, exact: true }).press('Enter');
      } else {
        await page.locator(fragment.includes('/99984') ? '.detail-body' : `#row-${fixture.total()}`).waitFor();
        for (const key of opener) await page.keyboard.press(key);
      }
      const layer = page.locator('dialog, [role=menu]');
      await layer.getByText(shown).first().waitFor();
      await expect.poll(() => layer.evaluate((element) => element.matches(':focus-within')), { message: String(shown) }).toBe(true);
      found.push(...(await axeProblems(page)).map((problem) => `${shown}: ${problem}`));
      await page.keyboard.press('Escape');
      await layer.waitFor({ state: 'detached' });
      if (typeof opener === 'string') await expect.poll(() => page.evaluate(FOCUSED)).toBe(opener);
    }
    expect(found).toEqual([]);
  });

  test('nothing is wider than a screen of 390 pixels', async () => {
    await page.setViewportSize({ width: 390, height: 844 });
    await open();
    const wide: string[] = [];
    for (const [fragment, shown] of PLACES) {
      await page.goto(`${fixture.url}/${fragment}`);
      await page.locator('.page').getByText(shown).first().waitFor();
      const widest = await page.evaluate(WIDEST);
      if (widest !== null) wide.push(`${fragment}: ${widest}`);
    }
    expect(wide).toEqual([]);
  });

  test('while rows pass by, numbers of the header are drawn together with them, and on their own where none do', async () => {
    await open();
    await page.locator(`#row-${fixture.total()}`).waitFor();
    // And how long after the last rows, in milliseconds: where they were held up for long, numbers have not waited any longer.
    await page.evaluate(`globalThis.drawn = [];
      let rowsAtMs = performance.now();
      new MutationObserver((changes) => {
        const parts = ['.facts', '.list'].filter((part) => changes.some(({ target }) => (target.parentElement ?? target).closest(part) !== null));
        drawn.push({ parts: parts.join(' '), afterMs: performance.now() - rowsAtMs });
        if (parts.includes('.list')) rowsAtMs = performance.now();
      }).observe(document.body, { subtree: true, childList: true, attributes: true, characterData: true });`);
    for (let batch = 0; batch < BATCHES; batch += 1) {
      fixture.add(50);
      await page.locator(`#row-${fixture.total()}`).waitFor({ state: 'attached' });
    }
    const drawn = await page.evaluate<{ readonly parts: string; readonly afterMs: number }[]>('drawn.splice(0)');
    expect(drawn.filter(({ parts }) => parts.includes('.facts')).length).toBeGreaterThan(1);
    expect(drawn.filter(({ parts, afterMs }) => parts === '.facts' && afterMs < LONGEST_WAIT_MS)).toEqual([]);
    await expect.poll(() => page.evaluate("drawn.some(({ parts }) => parts === '.facts')")).toBe(true);
  });

  test('500 new exchanges a second cost the page less than 50 ms of each tenth of a second', async () => {
    await open();
    const debug = await context.newCDPSession(page);
    // Of this thread alone: what else the machine does is no fault of the page.
    await debug.send('Performance.enable', { timeDomain: 'threadTicks' });
    const spent = async () =>
      1_000 * (await debug.send('Performance.getMetrics')).metrics.find(({ name }) => name === 'TaskDuration')!.value;
    const spentOn = async (work: () => Promise<unknown>) => {
      const before = await spent();
      await work();
      return (await spent()) - before;
    };
    const pace = async () => (await spentOn(() => page.evaluate(SAME_WORK))) / SAME_WORK_MS;
    const paces = [await pace()];
    const cost = await spentOn(async () => {
      for (let batch = 0; batch < BATCHES; batch += 1) {
        fixture.add(50);
        await page.locator(`#row-${fixture.total()}`).waitFor({ state: 'attached' });
      }
    });
    paces.push(await pace());
    // A machine that takes longer for what is always the same may take as much longer for this.
    expect(cost).toBeLessThan(BATCHES * 50 * Math.max(1, ...paces));
  });
});

const root = path.join(import.meta.dirname, '../..');
const BATCHES = 40;
/** In the page, and what it takes of a thread that has a core of 3 GHz. */
const SAME_WORK = '(() => { let sum = 0; for (let at = 0; at < 3e7; at += 1) sum = Math.imul(sum ^ at, 16777619); return sum; })()';
const SAME_WORK_MS = 40;
/** For which numbers of the header wait for rows. */
const LONGEST_WAIT_MS = 900;
/** Where to go, and what shows that it is there. */
const PLACES: readonly (readonly [fragment: string, shown: string | RegExp])[] = [
  ['#/traffic', / exchanges$/],
  ['#/traffic/99984/request', 'Accept-Language'],
  ['#/traffic/99984/response', /Tea cup/],
  ['#/traffic/99984/why', 'Rules, in their order'],
  ['#/traffic/99984/timing', 'Total'],
  ['#/traffic/99984/tls', 'JA4'],
  ['#/traffic/99947/messages', 'Good to hear.'],
  ['#/overview', 'Saved by the cache'],
  ['#/policy', 'Banks stay closed'],
  ['#/cache', 'Hit ratio'],
  ['#/rules', 'Local copy of the app'],
  ['#/breakpoints', 'Held now'],
  ['#/clients', '192.168.1.20'],
  ['#/certificates', 'Trust it'],
  ['#/sessions', 'checkout-bug'],
];

/** Where they are opened, by the name of a button or by keys, and what shows that they are there. */
const WINDOWS: readonly (readonly [fragment: string, opener: string | readonly string[], shown: string | RegExp])[] = [
  ['#/traffic', ['?'], 'Go to the filter'],
  ['#/traffic', ['k', 'x', 'k', 'd'], 'Response'],
  ['#/traffic/99984/request', ['m'], 'Edit and resend …'],
  ['#/traffic/99984/request', ['e'], 'Send'],
  ['#/traffic/99984/response', 'Copy', 'Copy the raw request'],
  ['#/traffic/99984/response', 'Rule', 'Throttle to 3G'],
  ['#/traffic', 'Columns', 'Client'],
  ['#/traffic', 'Export and import', /^Export/],
  ['#/cache', 'Forget all', 'Keep it'],
  ['#/sessions', 'New', 'OK'],
];
/** In the page: what has the focus is called. */
const FOCUSED = "(document.activeElement.ariaLabel ?? document.activeElement.textContent ?? '').trim()";

/** In the page: the number of a row whose response is HTML. */
const findHtmlRow =
  "fetch('/api/exchanges/99969').then(() => [...document.querySelectorAll('.row')].find((row) => row.querySelector('.cell-type')?.textContent === 'html' && row.querySelector('.cell-status')?.textContent === '200').id.slice(4))";
const WIDEST = `(() => {
  const pages = [document.documentElement, ...document.querySelectorAll('.page, .page-body, .detail-body, .traffic')];
  const wide = pages.find((element) => element.scrollWidth > element.clientWidth + 1);
  return wide === undefined ? null : wide.className + ' ' + wide.scrollWidth;
})()`;

/** In both themes, as far as it is about colours; all else is the same in both. */
async function axeProblems(page: Page): Promise<string[]> {
  // The page's policy runs no script but its own; a debugger's may.
  if (await page.evaluate("typeof axe === 'undefined'")) await page.evaluate(AXE);
  const found: string[] = [];
  for (const [colorScheme, rules] of RULES) {
    await page.emulateMedia({ colorScheme });
    found.push(
      ...(await page.evaluate<string[]>(`axe.run({ runOnly: ${JSON.stringify(rules)} }).then(({ violations }) =>
        violations.flatMap(({ id, nodes }) => nodes.slice(0, 3).map(({ target, failureSummary }) => '${colorScheme} ' + id + ' ' + target + ' ' + failureSummary)))`)),
    );
  }
  return found;
}

const RULES = [
  ['light', ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa']],
  ['dark', { type: 'rule', values: ['color-contrast'] }],
] as const;
const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

function keptBy(text: string): (row: Summary) => boolean {
  const parsed = parseFilter(text);
  return 'ok' in parsed ? (summary) => matches(parsed.ok, { summary }) : () => false;
}
