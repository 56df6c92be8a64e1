// Owns reading CBOR (RFC 8949) into a tree. Bounded in depth and in number of items; what is cut off gives what came before it.
import type { TreeNode } from './content-view.ts';

export interface ReadTree {
  readonly tree: readonly TreeNode[];
  /** A sentence; `null` where it was read to its end. */
  readonly problem: string | null;
}

/** All items of a sequence (RFC 8742). @throws never */
export function readCbor(octets: Buffer): ReadTree {
  const reader = new CborReader(octets);
  const tree: TreeNode[] = [];
  try {
    while (!reader.isAtEnd()) tree.push({ name: String(tree.length), ...reader.item(0) });
    return { tree: tree.length === 1 ? (tree[0]!.children ?? tree) : tree, problem: null };
  } catch (error) {
    return { tree, problem: `It is no CBOR from octet ${reader.at} on: ${error instanceof Error ? error.message : String(error)}.` };
  }
}

type Item = Omit<TreeNode, 'name'>;

class CborReader {
  readonly #octets: Buffer;
  #items = 0;
  at = 0;

  constructor(octets: Buffer) {
    this.#octets = octets;
  }

  isAtEnd(): boolean {
    return this.at >= this.#octets.length;
  }

  /** @throws Error where it is none */
  item(depth: number): Item {
    this.#items += 1;
    if (depth > MAX_DEPTH || this.#items > MAX_ITEMS) throw new Error('it has more in it than is shown');
    const head = this.#octets.readUInt8(this.at);
    this.at += 1;
    const major = head >> 5;
    const minor = head & 0x1f;
    if (major === 7) return this.#simple(minor);
    const argument = minor === 31 ? null : this.#argument(minor);
    switch (major) {
      case 0:
        return { value: String(argument) };
      case 1:
        return { value: String(-1n - argument!) };
      case 2:
        return octetItem(this.#string(argument, 2));
      case 3:
        return { value: JSON.stringify(this.#string(argument, 3).toString('utf8')), note: 'text' };
      case 4:
        return this.#array(argument, depth);
      case 5:
        return this.#map(argument, depth);
      default:
        return { note: `tag ${argument}`, children: [{ name: 'value', ...this.item(depth + 1) }] };
    }
  }

  #argument(minor: number): bigint {
    if (minor < 24) return BigInt(minor);
    const length = 2 ** (minor - 24);
    if (length > 8) throw new Error(`${minor} says no length`);
    const at = this.at;
    this.at += length;
    return length === 8 ? this.#octets.readBigUInt64BE(at) : BigInt(this.#octets.readUIntBE(at, length));
  }

  #string(length: bigint | null, major: number): Buffer {
    if (length === null) {
      const pieces: Buffer[] = [];
      while (!this.#takeBreak()) {
        const head = this.#octets.readUInt8(this.at);
        this.at += 1;
        if (head >> 5 !== major || (head & 0x1f) === 31) throw new Error('a piece of a string is none');
        pieces.push(this.#string(this.#argument(head & 0x1f), major));
      }
      return Buffer.concat(pieces);
    }
    if (length > BigInt(this.#octets.length - this.at)) throw new Error('it ends within a string');
    this.at += Number(length);
    return this.#octets.subarray(this.at - Number(length), this.at);
  }

  #array(length: bigint | null, depth: number): Item {
    const children: TreeNode[] = [];
    while (length === null ? !this.#takeBreak() : children.length < length) {
      children.push({ name: String(children.length), ...this.item(depth + 1) });
    }
    return { note: `array of ${children.length}`, children };
  }

  #map(length: bigint | null, depth: number): Item {
    const children: TreeNode[] = [];
    while (length === null ? !this.#takeBreak() : children.length < length) {
      const { value, note } = this.item(depth + 1);
      children.push({ name: note === 'text' ? (JSON.parse(value!) as string) : (value ?? note ?? ''), ...this.item(depth + 1) });
    }
    return { note: `map of ${children.length}`, children };
  }

  #simple(minor: number): Item {
    if (minor < 20) return { value: `simple(${minor})` };
    if (minor < 24) return { value: ['false', 'true', 'null', 'undefined'][minor - 20]! };
    const at = this.at;
    if (minor === 24) this.at += 1;
    else if (minor <= 27) this.at += 2 ** (minor - 24);
    if (minor === 24) return { value: `simple(${this.#octets.readUInt8(at)})` };
    if (minor === 25) return { value: String(half(this.#octets.readUInt16BE(at))), note: 'float' };
    if (minor === 26) return { value: String(this.#octets.readFloatBE(at)), note: 'float' };
    if (minor === 27) return { value: String(this.#octets.readDoubleBE(at)), note: 'float' };
    throw new Error('an end stands where nothing was begun');
  }

  #takeBreak(): boolean {
    if (this.#octets.readUInt8(this.at) !== 0xff) return false;
    this.at += 1;
    return true;
  }
}

/** RFC 8949 appendix D. */
function half(bits: number): number {
  const exponent = (bits >> 10) & 0x1f;
  const mantissa = bits & 0x3ff;
  const size =
    exponent === 0 ? mantissa * 2 ** -24 : exponent === 31 ? (mantissa === 0 ? Infinity : NaN) : (mantissa + 1024) * 2 ** (exponent - 25);
  return (bits & 0x8000) === 0 ? size : -size;
}

/** Octets as a value: in hexadecimal, the first of them. */
export function octetItem(octets: Buffer): Item {
  const more = octets.length > SHOWN_OCTETS ? '…' : '';
  return { value: octets.toString('hex', 0, SHOWN_OCTETS) + more, note: `${octets.length} octets` };
}

export const MAX_DEPTH = 100;
export const MAX_ITEMS = 20_000;
const SHOWN_OCTETS = 256;
