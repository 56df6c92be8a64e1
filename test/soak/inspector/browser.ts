// Owns a real browser that looks at the inspector's list while traffic passes: how evenly it draws, and whether it shows what is new.
import type { Browser, Page } from 'playwright-core';
import { launchChromium } from '../../support/launch-chromium.ts';
import type { RecordedProxy } from './recorded-proxy.ts';
import { Timings } from './timings.ts';

export class LookingBrowser {
  /** Of the page, in words. */
  readonly problems: string[] = [];
  readonly #browser: Browser;
  readonly #page: Page;
  readonly #countsFrames: boolean;

  /** The link signs in once: there is one browser for each proxy. */
  /** @param countsFrames asks for each frame of the screen, which a page that rests would not draw: it costs more than the page does */
  static async open({ link }: RecordedProxy, countsFrames = false): Promise<LookingBrowser> {
    const browser = await launchChromium(null);
    const page = await browser.newPage({ viewport: { width: 1280, height: 800 } });
    const looking = new LookingBrowser(browser, page, countsFrames);
    await looking.look(link);
    return looking;
  }

  private constructor(browser: Browser, page: Page, countsFrames: boolean) {
    this.#browser = browser;
    this.#page = page;
    this.#countsFrames = countsFrames;
    page.on('pageerror', (error) => this.problems.push(error.message));
    page.on('console', (message) => {
      if (message.type() === 'error') this.problems.push(message.text());
    });
  }

  /** @param url the link, or once that has been followed, where the page is */
  async look(url: string): Promise<void> {
    await this.#page.goto(url);
    await this.#page.locator('.rail').waitFor();
    if (this.#countsFrames) await this.#page.evaluate(COUNT_FRAMES);
  }

  /** Nothing of the page is open until it looks again. */
  async lookAway(): Promise<void> {
    await this.#page.goto('about:blank');
  }

  /** Milliseconds from one frame to the next, since it was opened or asked last. */
  async frames(): Promise<Timings> {
    const gaps: number[] = await this.#page.evaluate('globalThis.soakGaps.splice(0)');
    const timings = new Timings();
    for (const gap of gaps) timings.add(gap);
    return timings;
  }

  /** Id of the lowest row that is shown, which is the newest while the list is followed. */
  async newestShown(): Promise<number> {
    const id = await this.#page.locator('.row[role=row]').last().getAttribute('id');
    return Number(id?.replace('row-', ''));
  }

  async close(): Promise<void> {
    await this.#browser.close();
  }
}

const COUNT_FRAMES = `
  globalThis.soakGaps = [];
  let last = performance.now();
  const next = (now) => {
    globalThis.soakGaps.push(now - last);
    last = now;
    requestAnimationFrame(next);
  };
  requestAnimationFrame(next);
`;
