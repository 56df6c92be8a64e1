// Owns taking gRPC and gRPC-Web content apart into messages: a flag, four octets of length, the message (gRPC over HTTP/2, "Length-Prefixed-Message").
// In gRPC-Web the trailers come as a last one of their own, and the text form is Base64 in pieces.

export interface GrpcMessage {
  readonly isCompressed: boolean;
  /** Of gRPC-Web: `name: value` lines. */
  readonly isTrailers: boolean;
  readonly octets: Buffer;
  /** Fewer octets are there than it says. */
  readonly isCut: boolean;
}

/** @throws never */
export function grpcMessages(octets: Buffer): GrpcMessage[] {
  const messages: GrpcMessage[] = [];
  for (let at = 0; at + 5 <= octets.length && messages.length < MAX_MESSAGES; ) {
    const flags = octets[at]!;
    const end = at + 5 + octets.readUInt32BE(at + 1);
    messages.push({
      isCompressed: (flags & 0x01) !== 0,
      isTrailers: (flags & 0x80) !== 0,
      octets: octets.subarray(at + 5, end),
      isCut: end > octets.length,
    });
    at = end;
  }
  return messages;
}

/** Each piece is padded by itself. */
export function decodeGrpcWebText(octets: Buffer): Buffer {
  const pieces = octets.toString('latin1').match(/[A-Za-z0-9+/]+={0,2}/g) ?? [];
  return Buffer.concat(pieces.map((piece) => Buffer.from(piece, 'base64')));
}

const MAX_MESSAGES = 1_000;
