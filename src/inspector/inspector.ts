// Owns the inspector's API as a whole: which routes there are, and what is pushed to its pages. It is asked over the admin listener, and knows no socket
// but the WebSockets that are handed to it.
import type { WebSocket } from 'ws';
import { answerQuestion } from '../admin/answer-question.ts';
import { type AdminAnswer, type Asked, BadQuestion, problemAnswer, valueAnswer } from '../admin/answers.ts';
import type { CacheAdmin } from '../cache/cache-admin.ts';
import type { RecordedExchange } from '../flows/recorded.ts';
import type { MaskRules } from '../flows/redact/rules.ts';
import { maskExchange, maskSummary } from '../flows/redact.ts';
import type { FlowStore } from '../flows/store/flow-store.ts';
import { allowRoutes } from './allow-routes.ts';
import { breakpointRoutes, heldNow } from './breakpoint-routes.ts';
import { cacheFor, cacheRoutes } from './cache-routes.ts';
import { contentRoutes } from './content-routes.ts';
import { Live } from './live.ts';
import { openApi } from './openapi.ts';
import { type OverviewParts, overviewRoutes, statusOf } from './overview-routes.ts';
import { policyRoutes } from './policy-routes.ts';
import { answerByRoute, type Route } from './route.ts';
import { type RuleBook, ruleRoutes } from './rule-routes.ts';
import { type SendRequest, sendRoutes } from './send-routes.ts';
import { sessionRoutes } from './session-routes.ts';
import { isRevealed, type Recording, trafficRoutes } from './traffic-routes.ts';
import { type ReasonParts, whyRoutes } from './why-routes.ts';

export interface InspectorParts extends OverviewParts, ReasonParts {
  readonly version: string;
  readonly store: () => FlowStore | null;
  /** That of the moment: a reload may replace it. */
  readonly cache: () => CacheAdmin | null;
  /** An exchange that is under way; `null` where it is none. */
  readonly active: (id: number) => RecordedExchange | null | Promise<RecordedExchange | null>;
  /** What is masked in all that is shown; `null` masks nothing. */
  readonly masks: MaskRules | null;
  readonly send: SendRequest;
  /** What rules and people change; `null` where nothing can be. */
  readonly rewriting: RuleBook | null;
  /** Added to `Flow.id`, it is the id in the session. */
  readonly sessionBase: () => number;
}

export class Inspector {
  readonly #routes: readonly Route[];
  readonly #live: Live;
  readonly #cacheFor: (asked: Asked) => CacheAdmin | null;
  #tellHeld: () => void = () => {};
  #heldTimer: NodeJS.Timeout | undefined;

  constructor(parts: InspectorParts) {
    const { store, active, policy, cache, version, masks, send, rewriting, sessionBase } = parts;
    const recording: Recording = {
      store: () => openStore(store),
      active,
      shown: (exchange, reveal) => (masks === null || reveal ? exchange : maskExchange(exchange, masks)),
      masks: (reveal) => (reveal ? null : masks),
      shownRows: (rows) => (masks === null ? rows : rows.map((row) => maskSummary(row, masks))),
    };
    this.#cacheFor = (asked) => cacheFor(cache(), recording.masks(isRevealed(asked)));
    const asked = () => (store() === null ? null : recording.store());
    const routes: readonly Route[] = [
      ...overviewRoutes({ ...parts, store: asked }),
      ...trafficRoutes(recording),
      ...contentRoutes(recording, version),
      ...whyRoutes(recording, parts),
      ...sendRoutes(recording, send),
      ...sessionRoutes(recording),
      ...policyRoutes({
        policy,
        hits: async () =>
          (await store()
            ?.ask({ kind: 'rules' })
            .catch(() => null)) ?? null,
      }),
      ...cacheRoutes(cache, recording.masks),
      ...allowRoutes(recording, policy),
      ...(rewriting === null ? [] : [...ruleRoutes(rewriting, recording), ...breakpointRoutes(rewriting, sessionBase, recording.masks)]),
    ];
    const description: Route = {
      method: 'GET',
      path: '/api/openapi.json',
      summary: 'This description',
      answers: 'OpenAPI 3.1',
      answer: () => valueAnswer(openApi([...routes, description], version)),
    };
    this.#routes = [...routes, description];
    this.#live = new Live({
      store,
      active,
      shownRows: recording.shownRows,
      status: () => statusOf(parts),
      overview: async () => (await store()?.ask({ kind: 'overview' })) ?? {},
    });
    if (rewriting !== null) this.#tellOf(rewriting, sessionBase, masks);
  }

  /** @throws BadQuestion, or for a defect */
  async answer(asked: Asked): Promise<AdminAnswer> {
    const answer = await answerByRoute(this.#routes, asked);
    if (answer !== null) return answer;
    if (asked.path.startsWith('/api/'))
      return problemAnswer(404, `There is nothing at ${asked.path}; /api/openapi.json says what there is.`);
    return await answerQuestion(asked, this.#cacheFor(asked));
  }

  /** A page that wants to be told of what happens. */
  welcome(socket: WebSocket): void {
    this.#live.welcome(socket);
    this.#tellHeld();
  }

  /** Begins to listen to what this store pushes. */
  listenTo(store: FlowStore): void {
    store.onPush = (push) => this.#live.take(push);
  }

  close(): void {
    clearTimeout(this.#heldTimer);
    this.#live.close();
  }

  #tellOf(rewriting: RuleBook, sessionBase: () => number, masks: MaskRules | null): void {
    const { breakpoints } = rewriting;
    rewriting.onChange = () => this.#live.tellAll('rules', { type: 'rules' });
    this.#tellHeld = () => this.#live.tellAll('breakpoints', { type: 'breakpoints', held: heldNow(breakpoints, sessionBase, masks) });
    // A page that is full of images may be held as a whole, and is told of once; what is held without end is told of now and then.
    breakpoints.onChange = () => {
      this.#heldTimer ??= setTimeout(() => {
        this.#heldTimer = undefined;
        this.#tellHeld();
      }, HELD_TOLD_AFTER_MS);
    };
  }
}

const HELD_TOLD_AFTER_MS = 50;

/** The store refuses with sentences for people. */
function openStore(store: () => FlowStore | null): Pick<FlowStore, 'ask'> {
  const open = store();
  if (open === null) throw new BadQuestion('Nothing is recorded; turn it on with record: on in the settings.', 409);
  return {
    async ask(question) {
      try {
        return await open.ask(question);
      } catch (error) {
        throw new BadQuestion(error instanceof Error ? error.message : String(error), 409);
      }
    },
  };
}
