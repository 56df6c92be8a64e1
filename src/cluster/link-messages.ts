// Owns what a worker and the keeper say to each other over the link, and ask. All of it is JSON; batches of recorded frames go behind it as they are.
import type { CacheStats, CacheWhy, DetailedEntry, Purge, Question } from '../cache/cache-admin.ts';
import type { LetGo } from '../cache/claims.ts';
import type { RecordedExchange } from '../flows/recorded.ts';
import type { ListeningSocket } from '../policy/address-guard.ts';
import type { LimitedRule } from '../policy/limits/limits.ts';
import type { WorkerCounts } from '../proxy/worker-counts.ts';
import type { Breakpoint, Held, HeldMessage, HeldRequest, HeldResponse } from '../rewrite/breakpoints.ts';
import type { ClaimColumn } from './claim-table.ts';
import type { Link } from './link.ts';

/** Changes with anything here: a worker and a keeper of different versions of the program do not understand each other. */
export const LINK_VERSION = 3;

/** From `first` on, below `end`. */
export interface IdBlock {
  readonly first: number;
  readonly end: number;
}

/** What a worker says of its cache. */
export type CacheSaid =
  /** Of what it was answered that it is its own. */
  { readonly kind: 'release'; readonly key: string; readonly how: LetGo } | { readonly kind: 'changed'; readonly keys: readonly string[] };

/** What it asks about caches. */
export type CacheQuestions = {
  /** Where another one may fetch it: answered when that has let go, or nobody does. */
  readonly claim: { readonly asks: { readonly key: string }; readonly answers: { readonly outcome: 'ours' | LetGo } };
  readonly outdate: { readonly asks: { readonly keys: readonly string[] }; readonly answers: object };
};

/** What the keeper says to it about caches. */
export type CacheHeard = { readonly kind: 'wanted'; readonly key: string } | { readonly kind: 'changed'; readonly keys: readonly string[] };

/** What the keeper asks about them: answered when it holds. */
export type CacheAsked = {
  /** Whether it fetches that for others; if so, answered when it has let go, with how; else with `null`. */
  readonly fetched: { readonly asks: { readonly key: string }; readonly answers: { readonly how: LetGo | null } };
  readonly outdated: { readonly asks: { readonly keys: readonly string[] }; readonly answers: object };
};

/** What an operator asks about the cache of a worker (cache/cache-admin.ts). */
export type CacheAdminQuestions = {
  readonly 'cache-stats': { readonly asks: object; readonly answers: OnDisk & { readonly stats: CacheStats } };
  readonly 'cache-show': {
    readonly asks: { readonly url: string; readonly user: string | null };
    readonly answers: OnDisk & { readonly entries: OrWrong<readonly DetailedEntry[]> };
  };
  readonly 'cache-why': {
    readonly asks: { readonly question: Question };
    readonly answers: OnDisk & { readonly why: OrWrong<CacheWhy> };
  };
  readonly 'cache-purge': { readonly asks: { readonly what: Purge }; readonly answers: OnDisk & { readonly count: OrWrong<number> } };
  /** The first page; each next one as long as there is a cursor. */
  readonly 'cache-lines': { readonly asks: CacheLinesAsked; readonly answers: CacheLines };
  readonly 'cache-more': { readonly asks: { readonly cursor: number }; readonly answers: CacheLines };
  readonly 'cache-stop': { readonly asks: { readonly cursor: number }; readonly answers: object };
};

/** What is stored lies where other workers find it. */
interface OnDisk {
  readonly isOnDisk: boolean;
}

/** `wrong`: for whoever asked a question that is none. */
export type OrWrong<T> = { readonly right: T } | { readonly wrong: string };

export type CacheLinesAsked = { readonly what: 'list'; readonly pattern: string | null } | { readonly what: 'verify' };

export interface CacheLines extends OnDisk {
  readonly values: readonly unknown[];
  readonly cursor: number | null;
}

/** What a worker says and asks. */
export interface FromWorker {
  readonly said: /** Frames, behind it. @param usedId the greatest id that was used */
    | { readonly kind: 'batch'; readonly usedId: number }
    /** Its ids will soon be used up. */
    | { readonly kind: 'want-ids' }
    | { readonly kind: 'counts'; readonly counts: WorkerCounts }
    /** A rule with limits, under a number for what follows. */
    | { readonly kind: 'rule'; readonly number: number; readonly rule: LimitedRule }
    /** It carries this since before the keeper began. */
    | ({ readonly kind: 'held' } & Holding)
    | { readonly kind: 'spent'; readonly lease: number; readonly bytes: number }
    /** @param bytes spent since it was told of last */
    | { readonly kind: 'released'; readonly lease: number; readonly bytes: number }
    /** An exchange is held at a breakpoint; it is held no more. */
    | { readonly kind: 'holding'; readonly held: ToldHeld }
    | { readonly kind: 'let-go'; readonly number: number }
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
    readonly admit: { readonly asks: Holding; readonly answers: AdmitAnswer };
  };
}

/** An exchange under a rule, for a key of it. Workers number their leases. */
export interface Holding {
  readonly rule: number;
  /** As limits count by it (policy/limits/limits.ts). */
  readonly who: string;
  readonly lease: number;
}

export type AdmitAnswer = Pick<UseOfLimits, 'parts' | 'left' | 'counted'> | { readonly reason: string; readonly retryAfterSeconds: number };

/** What holds for all that a worker carries of one key. */
export interface UseOfLimits {
  readonly rule: number;
  readonly who: string;
  /** How many workers share its rates. */
  readonly parts: number;
  /** Octets of the day, below 0 where they are overspent; `null` where nothing limits them. */
  readonly left: number | null;
  /** Those of this worker that are counted in that. */
  readonly counted: number;
}

export type ToldBreakpoint = Pick<Breakpoint<unknown>, 'filter' | 'at' | 'isOn'>;

/** Content in base64. */
export type WithContent<T> = Omit<T, 'content'> & { readonly content: string | null };

export type ToldHeld = Omit<Held, 'request' | 'response' | 'message'> & {
  readonly request: WithContent<HeldRequest>;
  readonly response: WithContent<HeldResponse> | null;
  readonly message: WithContent<HeldMessage> | null;
};

export type ToldRelease =
  | {
      readonly action: 'continue';
      readonly request: WithContent<HeldRequest> | null;
      readonly response: WithContent<HeldResponse> | null;
      readonly message: string | null;
    }
  | { readonly action: 'drop' }
  | { readonly action: 'answer'; readonly response: WithContent<HeldResponse> };

export interface Joined {
  readonly ids: IdBlock;
  readonly records: boolean;
  readonly sockets: readonly ListeningSocket[];
  readonly breakpoints: readonly ToldBreakpoint[];
  /** `null`: it has to ask about every key. */
  readonly claims: ClaimColumn | null;
}

/** What the keeper says and asks. */
export interface FromKeeper {
  readonly said: /** A batch is written, or dropped: the oldest that was not freed. */
    | { readonly kind: 'freed' }
    /** @param isMore behind those of before, which are used first; else they are forgotten */
    | { readonly kind: 'ids'; readonly ids: IdBlock; readonly isMore: boolean }
    | { readonly kind: 'sockets'; readonly sockets: readonly ListeningSocket[] }
    | ({ readonly kind: 'use' } & UseOfLimits)
    | { readonly kind: 'release-held'; readonly number: number; readonly release: ToldRelease }
    | CacheHeard;
  readonly questions: CacheAsked &
    CacheAdminQuestions & {
      /** In place of those before; answered when they hold. */
      readonly 'set-breakpoints': { readonly asks: { readonly breakpoints: readonly ToldBreakpoint[] }; readonly answers: object };
      /** Answered when it has taken up the file of rewriting rules as it is now. */
      readonly 'follow-rules': { readonly asks: object; readonly answers: object };

      readonly counts: { readonly asks: object; readonly answers: WorkerCounts };
      /** `exchange` is `null` where none of this id is under way there. */
      readonly active: { readonly asks: { readonly id: number }; readonly answers: { readonly exchange: RecordedExchange | null } };
    };
}

export type WorkerEnd = Link<FromWorker, FromKeeper>;
export type KeeperEnd = Link<FromKeeper, FromWorker>;
