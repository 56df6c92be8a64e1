// Owns what a worker and the keeper say to each other over the link, and ask. All of it is JSON; batches of recorded frames go behind it as they are.
import type { RecordedExchange } from '../flows/recorded.ts';
import type { ListeningSocket } from '../policy/address-guard.ts';
import type { WorkerCounts } from '../proxy/worker-counts.ts';
import type { Link } from './link.ts';

/** Changes with anything here: a worker and a keeper of different versions of the program do not understand each other. */
export const LINK_VERSION = 1;

/** From `first` on, below `end`. */
export interface IdBlock {
  readonly first: number;
  readonly end: number;
}

/** What a worker says of its cache. */
export type CacheSaid = { readonly kind: 'release'; readonly key: string } | { readonly kind: 'changed'; readonly keys: readonly string[] };

/** What it asks about caches. */
export type CacheQuestions = {
  /** Answered at once, or when another worker that fetches it has let go. */
  readonly claim: { readonly asks: { readonly key: string }; readonly answers: { readonly isOurs: boolean } };
  readonly outdate: { readonly asks: { readonly keys: readonly string[] }; readonly answers: object };
};

/** What the keeper says to it about caches. */
export type CacheHeard = { readonly kind: 'wanted'; readonly key: string } | { readonly kind: 'changed'; readonly keys: readonly string[] };

/** What the keeper asks about them: answered when it holds. */
export type CacheAsked = {
  readonly outdated: { readonly asks: { readonly keys: readonly string[] }; readonly answers: object };
};

/** What a worker says and asks. */
export interface FromWorker {
  readonly said: /** Frames, behind it. @param usedId the greatest id that was used */
    | { readonly kind: 'batch'; readonly usedId: number }
    /** Its ids will soon be used up. */
    | { readonly kind: 'want-ids' }
    | { readonly kind: 'counts'; readonly counts: WorkerCounts }
    /** Where it listens. */
    | { readonly kind: 'sockets'; readonly sockets: readonly ListeningSocket[] }
    | CacheSaid;
  readonly questions: CacheQuestions & {
    /** First of all, and nothing before it is answered. */
    readonly join: {
      readonly asks: {
        readonly version: number;
        readonly worker: number;
        /** Of the process, as long as it runs. */
        readonly instance: string;
        /** The greatest id that it was ever given. */
        readonly greatestId: number;
      };
      readonly answers: Joined;
    };
  };
}

export interface Joined {
  readonly ids: IdBlock;
  readonly records: boolean;
  readonly sockets: readonly ListeningSocket[];
}

/** What the keeper says and asks. */
export interface FromKeeper {
  readonly said: /** A batch is written, or dropped: the oldest that was not freed. */
    | { readonly kind: 'freed' }
    /** @param isMore behind those of before, which are used first; else they are forgotten */
    | { readonly kind: 'ids'; readonly ids: IdBlock; readonly isMore: boolean }
    | { readonly kind: 'sockets'; readonly sockets: readonly ListeningSocket[] }
    | CacheHeard;
  readonly questions: CacheAsked & {
    readonly counts: { readonly asks: object; readonly answers: WorkerCounts };
    /** `exchange` is `null` where none of this id is under way there. */
    readonly active: { readonly asks: { readonly id: number }; readonly answers: { readonly exchange: RecordedExchange | null } };
  };
}

export type WorkerEnd = Link<FromWorker, FromKeeper>;
export type KeeperEnd = Link<FromKeeper, FromWorker>;
