// Owns a record on its way out: summary and detail joined to what the rest of the proxy calls a recorded exchange.
import { readDetail } from '../read-detail.ts';
import type { RecordedContent, RecordedExchange, RecordedFacts, Summary } from '../recorded.ts';
import type { ContentReference, RecordFrame } from './record-frames.ts';

export type ExchangeFrame = Extract<RecordFrame, { readonly kind: 'begun' | 'finished' }>;

/** @param frame `null` where it is damaged or gone; then, and of one that has not ended, there is nothing but the summary */
export function readExchange(summary: Summary, frame: ExchangeFrame | null): RecordedExchange {
  if (frame?.kind !== 'finished') return withoutDetail(summary);
  const detail = readDetail(frame.detail, summary);
  return {
    ...detail,
    summary,
    requestContent: withDigest(detail.requestContent, frame.request),
    responseContent: withDigest(detail.responseContent, frame.response),
  };
}

function withDigest(content: RecordedContent | null, reference: ContentReference | null): RecordedContent | null {
  return content === null || reference === null ? content : { ...content, kept: reference.length, digest: reference.digest };
}

function withoutDetail(summary: Summary): RecordedExchange {
  return {
    summary,
    request: { method: summary.method, target: summary.path, version: summary.version, fields: [] },
    sent: null,
    received: null,
    response: null,
    requestContent: null,
    responseContent: null,
    facts: NO_FACTS,
  };
}

const NO_FACTS: RecordedFacts = {
  connectionId: 0,
  clientPort: 0,
  listener: '',
  decision: null,
  hello: null,
  interceptionReason: null,
  route: null,
  judged: [],
  resolvedFrom: null,
  upstreamAddress: null,
  upstreamPort: 0,
  reusedConnection: false,
  upstreamProtocol: null,
  originTls: null,
  cache: null,
  errorMessage: null,
  changes: [],
};
