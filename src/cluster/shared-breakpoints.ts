// Owns breakpoints over workers: the keeper has them, with the queue of what is held; each worker holds what passes through it, tells the keeper of it once,
// and lets it go as the keeper says. A worker without a keeper holds nothing new, since nobody could look at it; what is held then stays so, and is shown
// again by the next keeper.
import type { PassingSubject } from '../flows/filter/verdict.ts';
import type { BreakpointQueue, Breakpoints, Held, Release } from '../rewrite/breakpoints.ts';
import type { Match } from '../rewrite/rule.ts';
import { withinPatience } from './link.ts';
import type { KeeperEnd, ToldBreakpoint, ToldHeld, ToldRelease, WithContent, WorkerEnd } from './link-messages.ts';

/** What a worker has of them (proxy/rewriting.ts). */
export interface HoldingParts {
  readonly breakpoints: Breakpoints<PassingSubject>;
  readonly compileMatch: (text: string) => { readonly ok: Match<PassingSubject> } | object;
}

/** A worker's end. */
export class LinkedBreakpoints {
  readonly #link: () => WorkerEnd | null;
  readonly #told = new Set<number>();
  /** As the keeper has them. */
  #all: readonly ToldBreakpoint[] = [];
  #parts: HoldingParts | null = null;
  #isTelling = false;

  constructor(link: () => WorkerEnd | null) {
    this.#link = link;
  }

  serve(parts: HoldingParts): void {
    this.#parts = parts;
    parts.breakpoints.onChange = () => this.#changed();
    this.set(this.#all);
  }

  /** In place of those before. */
  set(all: readonly ToldBreakpoint[]): object {
    this.#all = all;
    const parts = this.#parts;
    parts?.breakpoints.set(
      all.flatMap((each) => {
        const match = parts.compileMatch(each.filter);
        return 'ok' in match ? [{ ...each, ...match.ok }] : [];
      }),
    );
    return {};
  }

  release(number: number, release: ToldRelease): void {
    this.#parts?.breakpoints.release(number, releaseOf(release));
  }

  joined(all: readonly ToldBreakpoint[]): void {
    this.#told.clear();
    this.set(all);
    this.#changed();
  }

  brokenOff(): void {
    this.set([]);
  }

  /** Once a turn. */
  #changed(): void {
    if (this.#isTelling) return;
    this.#isTelling = true;
    setImmediate(() => {
      this.#isTelling = false;
      this.#tell();
    });
  }

  #tell(): void {
    const link = this.#link();
    if (link === null || this.#parts === null) return;
    const held = new Map(this.#parts.breakpoints.held.map((each) => [each.number, each]));
    for (const number of this.#told) {
      if (held.has(number)) continue;
      this.#told.delete(number);
      link.say({ kind: 'let-go', number });
    }
    for (const [number, each] of held) {
      if (this.#told.has(number)) continue;
      this.#told.add(number);
      link.say({ kind: 'holding', held: toldHeld(each) });
    }
  }
}

/** The keeper's end. Numbers of what is held are its own: those of workers would meet. */
export class BreakpointsOfWorkers implements BreakpointQueue<PassingSubject> {
  onChange: () => void = () => {};
  readonly #own: Breakpoints<PassingSubject>;
  readonly #links: () => Iterable<KeeperEnd>;
  /** Held in workers. */
  readonly #held = new Map<number, { readonly held: Held; readonly link: KeeperEnd; readonly numberThere: number }>();
  /** Far from those of its own line. */
  #lastNumber = FIRST_NUMBER;

  /** @param own of the keeper's own line @param links all who have joined */
  constructor(own: Breakpoints<PassingSubject>, links: () => Iterable<KeeperEnd>) {
    this.#own = own;
    this.#links = links;
    own.onChange = () => this.onChange();
  }

  get all(): Breakpoints<PassingSubject>['all'] {
    return this.#own.all;
  }

  get held(): readonly Held[] {
    const elsewhere = Array.from(this.#held.values(), ({ held }) => held);
    return [...this.#own.held, ...elsewhere].sort((a, b) => a.sinceMs - b.sinceMs);
  }

  /** As workers are told. */
  get told(): readonly ToldBreakpoint[] {
    return this.#own.all.map(({ filter, at, isOn }) => ({ filter, at, isOn }));
  }

  /** One that is gone holds nothing. */
  async set(all: Breakpoints<PassingSubject>['all']): Promise<void> {
    this.#own.set(all);
    const breakpoints = this.told;
    await Promise.all(Array.from(this.#links(), (link) => withinPatience(link.ask({ kind: 'set-breakpoints', breakpoints }))));
  }

  find(number: number): Held | null {
    return this.#held.get(number)?.held ?? this.#own.find(number);
  }

  release(number: number, release: Release): boolean {
    const found = this.#held.get(number);
    if (found === undefined) return this.#own.release(number, release);
    this.#held.delete(number);
    found.link.say({ kind: 'release-held', number: found.numberThere, release: toldRelease(release) });
    this.onChange();
    return true;
  }

  holding(link: KeeperEnd, told: ToldHeld): void {
    this.#lastNumber += 1;
    const number = this.#lastNumber;
    this.#held.set(number, { held: { ...heldOf(told), number }, link, numberThere: told.number });
    this.onChange();
  }

  letGo(link: KeeperEnd, numberThere: number): void {
    for (const [number, each] of this.#held)
      if (each.link === link && each.numberThere === numberThere && this.#held.delete(number)) this.onChange();
  }

  gone(link: KeeperEnd): void {
    for (const [number, each] of this.#held) if (each.link === link && this.#held.delete(number)) this.onChange();
  }
}

type Content = { readonly content: Buffer | null };

function toldHeld({ request, response, message, ...rest }: Held): ToldHeld {
  return {
    ...rest,
    request: told(request),
    response: response === null ? null : told(response),
    message: message === null ? null : told(message),
  };
}

function heldOf({ request, response, message, ...rest }: ToldHeld): Held {
  return {
    ...rest,
    request: heard(request),
    response: response === null ? null : heard(response),
    message: message === null ? null : heard(message),
  };
}

function toldRelease(release: Release): ToldRelease {
  switch (release.action) {
    case 'drop':
      return release;
    case 'answer':
      return { action: 'answer', response: told(release.response) };
    case 'continue': {
      const { action, request, response, message } = release;
      return {
        action,
        request: request === null ? null : told(request),
        response: response === null ? null : told(response),
        message: message?.toString('base64') ?? null,
      };
    }
    default:
      return release satisfies never;
  }
}

function releaseOf(release: ToldRelease): Release {
  switch (release.action) {
    case 'drop':
      return release;
    case 'answer':
      return { action: 'answer', response: heard(release.response) };
    case 'continue': {
      const { action, request, response, message } = release;
      return {
        action,
        request: request === null ? null : heard(request),
        response: response === null ? null : heard(response),
        message: message === null ? null : Buffer.from(message, 'base64'),
      };
    }
    default:
      return release satisfies never;
  }
}

function told<T extends Content>(message: T): WithContent<T> {
  return { ...message, content: message.content?.toString('base64') ?? null };
}

function heard<T extends { readonly content: string | null }>(message: T): Omit<T, 'content'> & Content {
  return { ...message, content: message.content === null ? null : Buffer.from(message.content, 'base64') };
}

const FIRST_NUMBER = 1_000_000;
