// Owns what content looks like to somebody who reads it: plain data for the page, the command line and the API.

export const CONTENT_KINDS = [
  'json',
  'text',
  'html',
  'xml',
  'css',
  'javascript',
  'image',
  'form',
  'multipart',
  'protobuf',
  'grpc',
  'graphql',
  'jwt',
  'sse',
  'cbor',
  'msgpack',
  'hex',
] as const;
export type ContentKind = (typeof CONTENT_KINDS)[number];

export interface ContentView {
  /** Of a part: what it is in the whole, such as `message 2`, or `file avatar.png`. */
  readonly title?: string;
  readonly kind: ContentKind;
  /** What else it may be looked at as; `hex` always. */
  readonly alternatives: readonly ContentKind[];
  /** Laid out to be read. */
  readonly text?: string;
  readonly rows?: readonly (readonly [name: string, value: string])[];
  readonly parts?: readonly ContentView[];
  readonly image?: { readonly type: string; readonly base64: string; readonly width: number | null; readonly height: number | null };
  readonly tree?: readonly TreeNode[];
  readonly decoded: {
    /** That were taken off, as the sender put them on. */
    readonly codings: readonly string[];
    /** `null` where it is no text. */
    readonly charset: string | null;
    /** Octets without codings. */
    readonly length: number;
    /** Something is missing at the end. */
    readonly isCut: boolean;
  };
  /** What is wrong with it, as sentences; `null` when nothing is. */
  readonly problem: string | null;
}

export interface TreeNode {
  readonly name: string;
  readonly value?: string;
  /** What kind of value it is, or another reading of it. */
  readonly note?: string;
  readonly children?: readonly TreeNode[];
}

/** What a reader of one kind makes of content; the rest of a view is the same for all. */
export type Reading = Pick<ContentView, 'text' | 'rows' | 'parts' | 'image' | 'tree'> & { readonly problem?: string | null };
