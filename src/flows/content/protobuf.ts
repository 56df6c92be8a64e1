// Owns reading protocol buffers without their schema: field numbers, wire types, and what the octets could mean. Octets with a length may be text, a message
// or neither; they are shown as text where they are printable UTF-8, else as a message where they are one to the last octet.
// Bounded: messages in messages go so deep, and fields are so many.
import type { TreeNode } from './content-view.ts';

/** @returns `null` where it is no message. @throws never */
export function readProtobuf(octets: Buffer): TreeNode[] | null {
  return new MessageReader().read(octets, 0);
}

class MessageReader {
  #fields = 0;

  read(octets: Buffer, depth: number): TreeNode[] | null {
    const nodes: TreeNode[] = [];
    let at = 0;
    while (at < octets.length) {
      const key = readVarint(octets, at);
      const field = key === null ? null : this.#field(octets, key, depth);
      if (field === null) return null;
      nodes.push(field.node);
      at = field.end;
    }
    return nodes;
  }

  #field(octets: Buffer, key: Varint, depth: number): { readonly node: TreeNode; readonly end: number } | null {
    const number = Number(key.value >> 3n);
    this.#fields += 1;
    if (number < 1 || number > MAX_NUMBER || this.#fields > MAX_FIELDS) return null;
    const name = String(number);
    switch (Number(key.value & 7n)) {
      case 0: {
        const varint = readVarint(octets, key.end);
        return varint === null ? null : { node: { name, ...varintWords(varint.value) }, end: varint.end };
      }
      case 1: {
        const end = key.end + 8;
        return end > octets.length ? null : { node: { name, ...fixed64Words(octets, key.end) }, end };
      }
      case 2: {
        const length = readVarint(octets, key.end);
        if (length === null || length.value > BigInt(octets.length - length.end)) return null;
        const end = length.end + Number(length.value);
        return { node: { name, ...this.#delimited(octets.subarray(length.end, end), depth) }, end };
      }
      case 5: {
        const end = key.end + 4;
        return end > octets.length ? null : { node: { name, ...fixed32Words(octets, key.end) }, end };
      }
      default:
        return null; // groups are gone since proto2
    }
  }

  #delimited(octets: Buffer, depth: number): Omit<TreeNode, 'name'> {
    const text = printable(octets);
    if (text !== null) return { value: JSON.stringify(text), note: 'text' };
    const children = depth < MAX_DEPTH ? this.read(octets, depth + 1) : null;
    if (children !== null) return { note: `message of ${octets.length} octets`, children };
    const more = octets.length > SHOWN_OCTETS ? '…' : '';
    return { value: octets.toString('hex', 0, SHOWN_OCTETS) + more, note: `${octets.length} octets` };
  }
}

interface Varint {
  readonly value: bigint;
  readonly end: number;
}

function readVarint(octets: Buffer, start: number): Varint | null {
  let value = 0n;
  for (let at = start; at < octets.length && at < start + 10; at += 1) {
    value |= BigInt(octets[at]! & 0x7f) << BigInt((at - start) * 7);
    if (octets[at]! < 0x80) return { value: BigInt.asUintN(64, value), end: at + 1 };
  }
  return null;
}

function varintWords(value: bigint): Omit<TreeNode, 'name'> {
  const signed = BigInt.asIntN(64, value);
  const zigzag = (value >> 1n) ^ -(value & 1n);
  return { value: String(signed), note: signed < 0n ? `varint, unsigned ${value}` : `varint, as sint ${zigzag}` };
}

function fixed64Words(octets: Buffer, at: number): Omit<TreeNode, 'name'> {
  return { value: String(octets.readDoubleLE(at)), note: `64 bits, as integer ${octets.readBigInt64LE(at)}` };
}

function fixed32Words(octets: Buffer, at: number): Omit<TreeNode, 'name'> {
  return { value: String(Math.fround(octets.readFloatLE(at))), note: `32 bits, as integer ${octets.readInt32LE(at)}` };
}

/** UTF-8 without control characters; `null` for anything else, and for nothing. */
function printable(octets: Buffer): string | null {
  if (octets.length === 0) return '';
  try {
    const text = UTF_8.decode(octets);
    return /[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]/.test(text) ? null : text;
  } catch {
    return null;
  }
}

const UTF_8 = new TextDecoder('utf-8', { fatal: true });
const MAX_NUMBER = 2 ** 29 - 1;
const MAX_FIELDS = 20_000;
const MAX_DEPTH = 20;
const SHOWN_OCTETS = 256;
