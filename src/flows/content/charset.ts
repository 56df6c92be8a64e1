// Owns which characters octets are: a byte order mark, else the charset of the media type, else what the document says of itself, else UTF-8 where they
// are UTF-8, else windows-1252, as browsers guess (WHATWG Encoding; HTML §13.2.3). Labels are those of the platform's TextDecoder.

export interface DecodedText {
  readonly text: string;
  /** As the Encoding Standard names it: `utf-8`, `windows-1252`, `shift_jis`. */
  readonly charset: string;
  /** A sentence; `null` when all went well. */
  readonly problem: string | null;
}

/**
 * @param contentType  the field's value; `null` without one
 * @param isCut  whether a character may be cut off at the end
 * @throws never
 */
export function decodeText(octets: Uint8Array, contentType: string | null, isCut: boolean): DecodedText {
  const marked = byteOrderMark(octets);
  if (marked !== null) return { text: new TextDecoder(marked).decode(octets), charset: marked, problem: null };
  const declared = charsetOf(contentType ?? '') ?? charsetWithin(octets);
  const named = declared === null ? null : decoderOf(declared);
  if (named !== null) return { text: named.decode(octets), charset: named.encoding, problem: null };
  const problem = declared === null ? null : `Nothing here knows the charset ${declared.slice(0, 40)}.`;
  const charset = isUtf8(octets, isCut) ? 'utf-8' : 'windows-1252';
  return { text: new TextDecoder(charset).decode(octets), charset, problem };
}

/** Whether they are UTF-8, or where they are cut off its beginning. */
export function isUtf8(octets: Uint8Array, isCut: boolean): boolean {
  try {
    new TextDecoder('utf-8', { fatal: true }).decode(octets, { stream: isCut });
    return true;
  } catch {
    return false;
  }
}

function byteOrderMark([a, b, c]: Uint8Array): 'utf-8' | 'utf-16le' | 'utf-16be' | null {
  if (a === 0xef && b === 0xbb && c === 0xbf) return 'utf-8';
  if (a === 0xff && b === 0xfe) return 'utf-16le';
  return a === 0xfe && b === 0xff ? 'utf-16be' : null;
}

function charsetOf(contentType: string): string | null {
  return /;\s*charset\s*=\s*"?([^\s";,]+)/i.exec(contentType)?.[1] ?? null;
}

/** `<meta charset>`, `<?xml encoding?>`, `@charset`, where they may stand. */
function charsetWithin(octets: Uint8Array): string | null {
  const start = Buffer.from(octets.buffer, octets.byteOffset, Math.min(octets.length, 1024)).toString('latin1');
  const found =
    /<meta[^>]{0,200}charset\s*=\s*["']?([^\s"'/>;]+)/i.exec(start) ??
    /^<\?xml[^>]{0,100}encoding\s*=\s*["']([^"']+)/.exec(start) ??
    /^@charset "([^"]+)";/.exec(start);
  if (found === null) return null;
  // It is read as ASCII here, so it can not be what it says (HTML §13.2.3.2).
  return /^utf-16/i.test(found[1]!) ? 'utf-8' : found[1]!;
}

function decoderOf(label: string): TextDecoder | null {
  try {
    return new TextDecoder(label);
  } catch {
    return null;
  }
}
