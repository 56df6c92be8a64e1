// Owns what the proxy's thread and the thread of the store say to each other: batches of frames one way, questions and their answers, and what is
// pushed without being asked for each time. Everything here can be cloned; nothing is a function.
import type { ContentKind } from '../content/content-view.ts';
import type { CopyForm } from '../copy-as/copied-request.ts';
import type { FilterProblem } from '../filter/parse.ts';
import type { RecordedExchange, RecordedMessage, Summary } from '../recorded.ts';
import type { MaskRules } from '../redact/rules.ts';

export type { FilterProblem };

/** What the thread begins with. */
export interface StoreSettings {
  /** `<state_dir>/sessions`; a folder for each session lies in it. Made, for this user alone, where it is missing. */
  readonly folder: string;
  /** Name of the session that is recorded into. Where another process records into it, the next free one of `name-2`, `name-3`, … takes its place. */
  readonly session: string;
  /** Octets on the disk that a session may come to, its index included. The oldest segments go first. */
  readonly maxBytes: number;
  /** How long something is kept, in whole segments. */
  readonly maxAgeMs: number;
  /** Octets of one segment; for tests. */
  readonly segmentBytes?: number;
}

/** Rows of a list: which, in which order, and which of them are wanted. */
export interface Listing {
  /** Of the filter language; empty for all. */
  readonly filter: string;
  /** A key of `Summary`, or `url`; behind `-`, descending. `id` is the order in which exchanges began. */
  readonly order: string;
  readonly offset: number;
  /** At most 500. */
  readonly limit: number;
}

/** How far a search has come; `null` when it is done. */
export type Progress = { readonly scanned: number; readonly of: number } | null;

export interface Rows {
  /** How many match, of those that were looked at so far. */
  readonly total: number;
  readonly offset: number;
  readonly rows: readonly Summary[];
}

/** Octets of content as they were kept: content codings are still on them. */
export interface KeptContent {
  readonly bytes: Uint8Array;
  /** Octets that passed; more than `bytes` has where it is cut. */
  readonly length: number;
  readonly isCut: boolean;
}

export interface HostCounts {
  readonly host: string;
  readonly exchanges: number;
  readonly denied: number;
  readonly failed: number;
  /** Of content, both ways. */
  readonly bytes: number;
}

/** One second of traffic; `second` in seconds since the epoch. Exchanges count in the second in which they ended. */
export interface SecondCounts {
  readonly second: number;
  readonly exchanges: number;
  readonly denied: number;
  readonly failed: number;
  readonly hits: number;
  readonly bytes: number;
}

export interface NamedCounts {
  readonly name: string;
  readonly exchanges: number;
  readonly denied: number;
  readonly bytes: number;
}

/** Of all that ended in the session, as long as it has been open here and what it kept from before; also where it is not kept any more. */
export interface Overview {
  /** When the first of these began, milliseconds since the epoch; `null` while there is none. */
  readonly sinceMs: number | null;
  readonly exchanges: number;
  readonly denied: number;
  readonly failed: number;
  readonly hits: number;
  readonly bytes: number;
  /** Octets of content that the cache answered with, so that no origin sent them. */
  readonly savedBytes: number;
  /** By the first digit of the status; `0` for those without an answer. */
  readonly statuses: readonly [number, number, number, number, number, number];
  /** The last ten minutes, ascending; seconds in which nothing ended are left out. */
  readonly seconds: readonly SecondCounts[];
  /** The largest, by exchanges; at most 50 each. */
  readonly hosts: readonly NamedCounts[];
  readonly clients: readonly NamedCounts[];
  readonly users: readonly NamedCounts[];
  readonly types: readonly NamedCounts[];
}

/** How often a rule decided. `rule` is `Summary.rule`; `null` for the default. */
export interface RuleHits {
  readonly rule: string | null;
  readonly hits: number;
  /** Milliseconds since the epoch. */
  readonly lastHitMs: number;
}

export interface SessionFacts {
  readonly name: string;
  /** The one that is recorded into. */
  readonly isRecorded: boolean;
  /** Another process has it. */
  readonly isElsewhere: boolean;
  /** On the disk. */
  readonly bytes: number;
  /** When something was last written into it; milliseconds since the epoch. */
  readonly changedAtMs: number;
  /** `null` while it is not open. */
  readonly exchanges: number | null;
}

export interface StoreStatus {
  readonly session: string;
  /** `null` while recording goes well; otherwise why it does not, as the operator was told. */
  readonly problem: string | null;
  readonly exchanges: number;
  readonly bytes: number;
  readonly maxBytes: number;
  readonly segments: number;
  /** Records that were damaged where they lay, and are left out. */
  readonly damaged: number;
  /** Records that could not be written. */
  readonly lost: number;
}

/** An exchange from elsewhere; its id is given by the session that it goes into. */
export interface AppendedExchange {
  readonly exchange: RecordedExchange;
  readonly requestContent: Uint8Array | null;
  readonly responseContent: Uint8Array | null;
  readonly messages: readonly RecordedMessage[];
}

/** One that is absent is the one that is recorded into. Any other is opened when it is first asked, and left alone. */
interface InSession {
  readonly session?: string;
}

/** Every question and what answers it. A session that does not exist, or cannot be opened, rejects with a sentence for people. */
export interface QuestionTable {
  /** `null`: no such exchange any more. One that has not ended has no fields and no content yet. */
  exchange: { asks: InSession & { readonly id: number }; answers: RecordedExchange | null };
  /** `null`: there was none, or it is not kept any more. Where something in it is masked, its codings are off. */
  content: {
    asks: InSession & { readonly id: number; readonly of: 'request' | 'response'; readonly masks?: MaskRules | null };
    answers: KeptContent | null;
  };
  /** The same as somebody would read it, a `ContentView` as JSON; `as` is `null` for what it is. */
  view: {
    asks: InSession & {
      readonly id: number;
      readonly of: 'request' | 'response';
      readonly as: ContentKind | null;
      readonly masks: MaskRules | null;
    };
    answers: Uint8Array | null;
  };
  /** An `ExchangeDiff` as JSON. The exchanges are those that were asked for, or are under way. */
  diff: {
    asks: InSession & { readonly before: RecordedExchange; readonly after: RecordedExchange; readonly masks: MaskRules | null };
    answers: Uint8Array | null;
  };
  /** The request of one, to be sent by other programs: `{text}` as JSON; `null` where it is none for a URL. */
  copy: {
    asks: InSession & { readonly exchange: RecordedExchange; readonly form: CopyForm; readonly masks: MaskRules | null };
    answers: Uint8Array | null;
  };
  /** Those with a greater number than `after`, ascending; at most 500. */
  messages: {
    asks: InSession & { readonly id: number; readonly after: number; readonly limit: number; readonly masks?: MaskRules | null };
    answers: { readonly total: number; readonly messages: readonly RecordedMessage[] };
  };
  list: { asks: InSession & Listing; answers: Rows | { readonly problem: FilterProblem } };
  /** All that match, in order. */
  ids: { asks: InSession & Pick<Listing, 'filter' | 'order'>; answers: Float64Array | { readonly problem: FilterProblem } };
  /** By the number of exchanges, descending; at most 1000. */
  hosts: { asks: InSession & { readonly filter: string }; answers: readonly HostCounts[] | { readonly problem: FilterProblem } };
  overview: { asks: InSession; answers: Overview };
  rules: { asks: InSession; answers: readonly RuleHits[] };
  status: { asks: object; answers: StoreStatus };
  /** Begins a view, or another one under the same number; windows of it are pushed from now on. At most 64. */
  openView: { asks: InSession & Listing & { readonly view: number }; answers: { readonly problem: FilterProblem | null } };
  moveView: { asks: { readonly view: number; readonly offset: number; readonly limit: number }; answers: null };
  closeView: { asks: { readonly view: number }; answers: null };
  /** Changes of this exchange, and its messages, are pushed until it is unwatched as often as it was watched. */
  watch: { asks: { readonly id: number }; answers: null };
  unwatch: { asks: { readonly id: number }; answers: null };
  sessions: { asks: object; answers: readonly SessionFacts[] };
  /** Records into a new session from now on. Its ids go on from those of the one before. */
  beginSession: { asks: { readonly name: string }; answers: null };
  /** Keeps what there is now under another name. */
  saveSession: { asks: InSession & { readonly name: string }; answers: null };
  renameSession: { asks: { readonly session: string; readonly name: string }; answers: null };
  removeSession: { asks: { readonly session: string }; answers: null };
  /** Writes the session into one new file, for this user alone; `file` is an absolute path. Without `masks` its secrets are in it. */
  exportSession: { asks: InSession & { readonly file: string; readonly masks?: MaskRules | null }; answers: { readonly bytes: number } };
  /** Makes a session of such a file. Where the name is taken, the next free one of `name-2`, … is used. */
  importSession: {
    asks: { readonly file: string; readonly name: string };
    answers: { readonly session: string; readonly exchanges: number };
  };
  /** Into a session that is not recorded into, made where it is missing. Ids follow in order. */
  append: {
    asks: { readonly session: string; readonly exchanges: readonly AppendedExchange[] };
    answers: { readonly ids: readonly number[] };
  };
  /** Writes what matches into one HTTP Archive, in order; `file` is an absolute path at which there is nothing. */
  exportHar: {
    asks: InSession & Pick<Listing, 'filter'> & { readonly file: string; readonly version: string; readonly masks: MaskRules | null };
    answers: { readonly exchanges: number } | { readonly problem: FilterProblem };
  };
  /**
   * Appends the entries of such a file to a session that is not recorded into; `name` is that of the file, for messages. Entries are left out whose URLs
   * are of schemes that no proxy forwards.
   */
  importHar: {
    asks: { readonly session: string; readonly file: string; readonly name: string };
    answers: { readonly exchanges: number; readonly leftOut: number };
  };
  /** Forgets everything in the session that is recorded into. Ids go on. */
  clear: { asks: object; answers: null };
}

export type Question = { [K in keyof QuestionTable]: { readonly kind: K } & QuestionTable[K]['asks'] }[keyof QuestionTable];
export type AnswerTo<Q extends Question> = QuestionTable[Q['kind']]['answers'];

/** What comes without being asked for. Each a few times a second for one view or one exchange, at most. */
export type Push =
  | ({ readonly kind: 'window'; readonly view: number; readonly progress: Progress } & Rows)
  /** It has ended, or something else about it is new. */
  | { readonly kind: 'changed'; readonly id: number }
  | { readonly kind: 'messages'; readonly id: number; readonly total: number }
  /** When recording begins or ceases to fail, and when the session is another. */
  | ({ readonly kind: 'status' } & StoreStatus);

/** To the thread. */
export type ToStore =
  | { readonly kind: 'batch'; readonly buffer: ArrayBuffer; readonly used: number }
  | { readonly kind: 'question'; readonly number: number; readonly question: Question }
  | { readonly kind: 'close' };

/** From the thread. `opened` comes once, first, unless it is `failed`. */
export type FromStore =
  | { readonly kind: 'opened'; readonly base: number; readonly session: string }
  /** Why it cannot be opened, as lines for people. */
  | { readonly kind: 'failed'; readonly problems: readonly string[] }
  | { readonly kind: 'freed'; readonly buffer: ArrayBuffer; readonly used: number }
  | { readonly kind: 'answer'; readonly number: number; readonly answer: unknown }
  | { readonly kind: 'refused'; readonly number: number; readonly message: string }
  | { readonly kind: 'report'; readonly line: string }
  | { readonly kind: 'push'; readonly push: Push };
