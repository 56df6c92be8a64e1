// Owns a stand-in for the inspector's page: one WebSocket over which it follows the end of the list as the page does, and asks for other windows and
// filters as somebody does who scrolls and searches. It times every answer.
import { once } from 'node:events';
import { type IncomingMessage, request } from 'node:http';
import { WebSocket } from 'ws';
import type { Summary } from '../../../src/flows/recorded.ts';
import type { Rows } from '../../../src/flows/store/protocol.ts';
import type { RecordedProxy } from './recorded-proxy.ts';

export interface Asked {
  readonly filter: string;
  readonly order: string;
  readonly offset: number;
  readonly limit: number;
}

export interface Answered extends Rows {
  /** From the question to the first rows, of which there may be more to come. */
  readonly firstMs: number;
  /** From the question to the whole answer. */
  readonly tookMs: number;
}

interface Window extends Rows {
  readonly type: 'window';
  readonly view: number;
  readonly progress: object | null;
}

export class LivePage {
  /** Windows of the list's end that were pushed. */
  windows = 0;
  /** The newest one. */
  newest: Rows = { total: 0, offset: 0, rows: [] };
  readonly #socket: WebSocket;
  readonly #url: string;
  readonly #token: string;
  readonly #waiting = new Map<number, (window: Window) => void>();
  #hostsTimer: NodeJS.Timeout | null = null;

  static async open({ inspectorUrl, token }: RecordedProxy): Promise<LivePage> {
    const socket = new WebSocket(`${inspectorUrl.replace('http', 'ws')}/api/live`, { headers: { authorization: `Bearer ${token}` } });
    await once(socket, 'open');
    return new LivePage(socket, inspectorUrl, token);
  }

  private constructor(socket: WebSocket, url: string, token: string) {
    this.#socket = socket;
    this.#url = url;
    this.#token = token;
    socket.on('error', () => socket.terminate());
    socket.on('message', (data) => {
      const message = JSON.parse(String(data)) as { readonly type: string };
      if (message.type === 'window') this.#take(message as Window);
    });
  }

  /** The newest rows, and the tree of hosts beside them. */
  follow(): void {
    this.#say({ type: 'view', view: FOLLOWED, filter: '', order: '-id', offset: 0, limit: 60 });
    const askForHosts = async (): Promise<void> => {
      // One that comes when the proxy goes is nobody's loss.
      await this.get('/api/hosts?filter=').catch(() => null);
      if (this.#socket.readyState === WebSocket.OPEN) this.#hostsTimer = setTimeout(() => void askForHosts(), HOSTS_MS);
    };
    void askForHosts();
  }

  /** Scrolls in the whole list. */
  async scrollTo(offset: number, limit: number): Promise<Answered> {
    return await this.#window(SCROLLED, { filter: '', order: 'id', offset, limit });
  }

  /** Writes a filter, and awaits all that matches. */
  async search(filter: string): Promise<Answered> {
    const answer = await this.#window(SEARCHED, { filter, order: '-id', offset: 0, limit: 60 });
    this.#say({ type: 'close-view', view: SEARCHED });
    return answer;
  }

  /** Every row, the oldest first. Nothing may be added meanwhile. */
  async allRows(): Promise<Summary[]> {
    const rows: Summary[] = [];
    for (;;) {
      const { total, rows: more } = await this.scrollTo(rows.length, MOST_ROWS);
      rows.push(...more);
      if (rows.length >= total || more.length === 0) return rows;
    }
  }

  /** @returns the content @throws Error when it is not answered 200 */
  async get(path: string): Promise<Buffer> {
    // Not by `fetch`, which says of itself what only pages say, and no page may use the token.
    const asked = request(`${this.#url}${path}`, { headers: { authorization: `Bearer ${this.#token}` } }).end();
    const [response] = (await once(asked, 'response')) as [IncomingMessage];
    const content = Buffer.concat(await response.toArray());
    if (response.statusCode !== 200) throw new Error(`${path} was answered ${response.statusCode}: ${content}`);
    return content;
  }

  close(): void {
    if (this.#hostsTimer !== null) clearTimeout(this.#hostsTimer);
    this.#socket.terminate();
  }

  #window(view: number, asked: Asked): Promise<Answered> {
    const startedMs = performance.now();
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error(`no answer to ${JSON.stringify(asked)} in ${LONGEST_MS} ms`)), LONGEST_MS);
      let firstMs: number | null = null;
      this.#waiting.set(view, ({ total, offset, rows, progress }) => {
        // What was pushed before.
        if (offset !== asked.offset) return;
        if (rows.length > 0) firstMs ??= performance.now() - startedMs;
        if (progress !== null) return;
        this.#waiting.delete(view);
        clearTimeout(timer);
        const tookMs = performance.now() - startedMs;
        resolve({ total, offset, rows, tookMs, firstMs: firstMs ?? tookMs });
      });
      this.#say({ type: 'view', view, ...asked });
    });
  }

  #take(window: Window): void {
    if (window.view === FOLLOWED) {
      this.windows += 1;
      this.newest = window;
    } else this.#waiting.get(window.view)?.(window);
  }

  #say(message: object): void {
    this.#socket.send(JSON.stringify(message));
  }
}

const FOLLOWED = 1;
const SCROLLED = 2;
const SEARCHED = 3;
const HOSTS_MS = 2_000;
const MOST_ROWS = 500;
const LONGEST_MS = 60_000;
