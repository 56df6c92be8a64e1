// ClientHellos put together octet by octet, so that a test can get any of it wrong.

export interface HelloParts {
  readonly legacyVersion?: number;
  readonly sessionId?: Buffer;
  readonly cipherSuites?: readonly number[];
  readonly compression?: Buffer;
  /** In the order in which they are sent; `null` leaves the whole list out. */
  readonly extensions?: readonly Buffer[] | null;
}

/** A ClientHello in one record. */
export function clientHello(parts: HelloParts = {}): Buffer {
  return record(helloMessage(parts));
}

/** Spread over records of that many octets. */
export function fragmented(message: Buffer, octets: number): Buffer {
  const records: Buffer[] = [];
  for (let at = 0; at < message.length; at += octets) records.push(record(message.subarray(at, at + octets)));
  return Buffer.concat(records);
}

export function helloMessage(parts: HelloParts = {}): Buffer {
  const { legacyVersion = 0x0303, sessionId = Buffer.alloc(32, 7), cipherSuites = [0x1301, 0xc02b], compression = Buffer.alloc(1) } = parts;
  const { extensions = [serverName('www.example.com')] } = parts;
  const body = Buffer.concat([
    uint16s(legacyVersion),
    Buffer.alloc(32, 9),
    vector8(sessionId),
    vector16(uint16s(...cipherSuites)),
    vector8(compression),
    extensions === null ? Buffer.alloc(0) : vector16(Buffer.concat(extensions)),
  ]);
  const header = Buffer.alloc(4);
  header.writeUInt32BE(body.length);
  header[0] = 1;
  return Buffer.concat([header, body]);
}

export function record(fragment: Buffer, type = 22): Buffer {
  return Buffer.concat([Buffer.from([type, 3, 1]), vector16(fragment)]);
}

export function extension(type: number, content: Buffer): Buffer {
  return Buffer.concat([uint16s(type), vector16(content)]);
}

export function serverName(...names: readonly (string | Buffer)[]): Buffer {
  const entries = names.map((name) => Buffer.concat([Buffer.alloc(1), vector16(Buffer.from(name as string))]));
  return extension(0, vector16(Buffer.concat(entries)));
}

export function alpn(...protocols: readonly (string | Buffer)[]): Buffer {
  return extension(16, vector16(Buffer.concat(protocols.map((protocol) => vector8(Buffer.from(protocol as string))))));
}

export function supportedVersions(...versions: readonly number[]): Buffer {
  return extension(43, vector8(uint16s(...versions)));
}

export function signatureAlgorithms(...algorithms: readonly number[]): Buffer {
  return extension(13, vector16(uint16s(...algorithms)));
}

export function supportedGroups(...groups: readonly number[]): Buffer {
  return extension(10, vector16(uint16s(...groups)));
}

/** Without a share, a server that speaks TLS 1.3 has to ask for one (RFC 8446 §4.2.8). */
export function keyShare(share: { readonly group: number; readonly key: Buffer } | null): Buffer {
  return extension(51, vector16(share === null ? Buffer.alloc(0) : Buffer.concat([uint16s(share.group), vector16(share.key)])));
}

export function uint16s(...values: readonly number[]): Buffer {
  return Buffer.from(values.flatMap((value) => [value >> 8, value & 0xff]));
}

export function vector8(content: Buffer): Buffer {
  return Buffer.concat([Buffer.from([content.length]), content]);
}

export function vector16(content: Buffer): Buffer {
  return Buffer.concat([uint16s(content.length), content]);
}
