// Owns what kind of image octets are and how large it is, by their own beginning: a media type may say anything.

export interface ImageFacts {
  readonly type: string;
  /** Pixels; `null` where its beginning does not tell. */
  readonly width: number | null;
  readonly height: number | null;
}

/** @returns `null` for what is no image of pixels that browsers show: SVG is a text. @throws never */
export function imageFacts(octets: Buffer): ImageFacts | null {
  const start = octets.toString('latin1', 0, 32);
  if (start.startsWith('\x89PNG\r\n\x1a\n'))
    return sized('image/png', octets, 24, () => [octets.readUInt32BE(16), octets.readUInt32BE(20)]);
  if (/^GIF8[79]a/.test(start)) return sized('image/gif', octets, 10, () => [octets.readUInt16LE(6), octets.readUInt16LE(8)]);
  if (start.startsWith('\xff\xd8\xff')) return { type: 'image/jpeg', ...jpegSize(octets) };
  if (/^RIFF.{4}WEBP/s.test(start)) return { type: 'image/webp', ...webpSize(octets) };
  if (start.startsWith('BM')) return sized('image/bmp', octets, 26, () => [octets.readInt32LE(18), Math.abs(octets.readInt32LE(22))]);
  if (start.startsWith('\0\0\x01\0')) return sized('image/x-icon', octets, 8, () => [octets[6]! || 256, octets[7]! || 256]);
  const brand = /^.{4}ftyp(avif|avis|heic|heix|mif1|msf1)/s.exec(start)?.[1];
  if (brand !== undefined) return { type: brand.startsWith('he') ? 'image/heic' : 'image/avif', ...boxSize(octets) };
  if (start.startsWith('\xff\x0a') || start.startsWith('\0\0\0\x0cJXL ')) return { type: 'image/jxl', ...UNKNOWN_SIZE };
  return null;
}

function sized(type: string, octets: Buffer, needed: number, read: () => [number, number]): ImageFacts {
  if (octets.length < needed) return { type, ...UNKNOWN_SIZE };
  const [width, height] = read();
  return { type, width, height };
}

/** The first start of a frame (ITU T.81 §B.2.2). */
function jpegSize(octets: Buffer): Size {
  for (let at = 2; at + 9 < octets.length && octets[at] === 0xff; ) {
    const marker = octets[at + 1]!;
    const isFrame = marker >= 0xc0 && marker <= 0xcf && marker !== 0xc4 && marker !== 0xc8 && marker !== 0xcc;
    if (isFrame) return { width: octets.readUInt16BE(at + 7), height: octets.readUInt16BE(at + 5) };
    at += marker === 0xff ? 1 : 2 + octets.readUInt16BE(at + 2);
  }
  return UNKNOWN_SIZE;
}

/** RFC 9649 §2. */
function webpSize(octets: Buffer): Size {
  if (octets.length < 30) return UNKNOWN_SIZE;
  switch (octets.toString('latin1', 12, 16)) {
    case 'VP8X':
      return { width: octets.readUIntLE(24, 3) + 1, height: octets.readUIntLE(27, 3) + 1 };
    case 'VP8L': {
      const bits = octets.readUInt32LE(21);
      return { width: (bits & 0x3fff) + 1, height: ((bits >>> 14) & 0x3fff) + 1 };
    }
    case 'VP8 ':
      return { width: octets.readUInt16LE(26) & 0x3fff, height: octets.readUInt16LE(28) & 0x3fff };
    default:
      return UNKNOWN_SIZE;
  }
}

/** The first `ispe` box (ISO/IEC 23008-12 §6.5.3). */
function boxSize(octets: Buffer): Size {
  const at = octets.subarray(0, 4096).indexOf('ispe', 0, 'latin1');
  if (at === -1 || at + 16 > octets.length) return UNKNOWN_SIZE;
  return { width: octets.readUInt32BE(at + 8), height: octets.readUInt32BE(at + 12) };
}

type Size = Pick<ImageFacts, 'width' | 'height'>;
const UNKNOWN_SIZE: Size = { width: null, height: null };
