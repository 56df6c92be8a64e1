// Owns what a filter looks at.
import type { RecordedFacts, RecordedRequest, RecordedResponse, Summary } from '../recorded.ts';

/** What is at hand of an exchange. What is missing is not found: `~h x` does not fit where there are no fields, and `!~h x` does. */
export interface FilterSubject {
  readonly summary: Summary;
  readonly request?: RecordedRequest | null;
  readonly response?: RecordedResponse | null;
  readonly facts?: RecordedFacts | null;
  /** Content as text in Unicode; `null` where it is none. */
  requestText?(): string | null;
  responseText?(): string | null;
}

/** @throws never, if the subject's own functions do not */
export type FilterTest = (subject: FilterSubject) => boolean;
