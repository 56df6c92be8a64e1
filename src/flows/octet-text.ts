// Owns reading recorded texts as people do. A record has one character an octet (ISO-8859-1); where its octets are UTF-8 that is what was meant.

/** The text in Unicode: decoded where it is UTF-8, else as it is. @throws never */
export function readableText(latin1: string): string {
  if (!/[\x80-\xff]/.test(latin1)) return latin1;
  try {
    return UTF_8.decode(octetsOf(latin1));
  } catch {
    return latin1;
  }
}

function octetsOf(latin1: string): Uint8Array<ArrayBuffer> {
  const octets = new Uint8Array(latin1.length);
  for (let i = 0; i < latin1.length; i += 1) octets[i] = latin1.charCodeAt(i);
  return octets;
}

const UTF_8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
