// Owns reading MessagePack (its specification of 2013 with `str`, `bin` and `ext`) into a tree. Bounded as CBOR is.
import { MAX_DEPTH, MAX_ITEMS, octetItem, type ReadTree } from './cbor.ts';
import type { TreeNode } from './content-view.ts';

/** All values, one behind the other. @throws never */
export function readMsgpack(octets: Buffer): ReadTree {
  const reader = new MsgpackReader(octets);
  const tree: TreeNode[] = [];
  try {
    while (reader.at < octets.length) tree.push({ name: String(tree.length), ...reader.value(0) });
    return { tree: tree.length === 1 ? (tree[0]!.children ?? tree) : tree, problem: null };
  } catch (error) {
    return { tree, problem: `It is no MessagePack from octet ${reader.at} on: ${error instanceof Error ? error.message : String(error)}.` };
  }
}

type Item = Omit<TreeNode, 'name'>;

class MsgpackReader {
  readonly #octets: Buffer;
  #values = 0;
  at = 0;

  constructor(octets: Buffer) {
    this.#octets = octets;
  }

  /** @throws Error where it is none */
  value(depth: number): Item {
    this.#values += 1;
    if (depth > MAX_DEPTH || this.#values > MAX_ITEMS) throw new Error('it has more in it than is shown');
    const head = this.#unsigned(1);
    if (head < 0x80) return { value: String(head) };
    if (head < 0x90) return this.#map(head & 0x0f, depth);
    if (head < 0xa0) return this.#array(head & 0x0f, depth);
    if (head < 0xc0) return this.#text(head & 0x1f);
    if (head >= 0xe0) return { value: String(head - 0x100) };
    return this.#typed(head, depth);
  }

  #typed(head: number, depth: number): Item {
    switch (head) {
      case 0xc0:
        return { value: 'null' };
      case 0xc2:
      case 0xc3:
        return { value: head === 0xc3 ? 'true' : 'false' };
      case 0xc4:
      case 0xc5:
      case 0xc6:
        return octetItem(this.#take(this.#unsigned(2 ** (head - 0xc4))));
      case 0xc7:
      case 0xc8:
      case 0xc9:
        return this.#extension(this.#unsigned(2 ** (head - 0xc7)));
      case 0xca:
        return { value: String(this.#take(4).readFloatBE()), note: 'float' };
      case 0xcb:
        return { value: String(this.#take(8).readDoubleBE()), note: 'float' };
      case 0xcf:
        return { value: String(this.#take(8).readBigUInt64BE()) };
      case 0xd3:
        return { value: String(this.#take(8).readBigInt64BE()) };
      case 0xcc:
      case 0xcd:
      case 0xce:
        return { value: String(this.#unsigned(2 ** (head - 0xcc))) };
      case 0xd0:
      case 0xd1:
      case 0xd2:
        return { value: String(this.#take(2 ** (head - 0xd0)).readIntBE(0, 2 ** (head - 0xd0))) };
      case 0xd9:
      case 0xda:
      case 0xdb:
        return this.#text(this.#unsigned(2 ** (head - 0xd9)));
      case 0xdc:
      case 0xdd:
        return this.#array(this.#unsigned(2 * (head - 0xdb)), depth);
      case 0xde:
      case 0xdf:
        return this.#map(this.#unsigned(2 * (head - 0xdd)), depth);
      default:
        if (head >= 0xd4 && head <= 0xd8) return this.#extension(2 ** (head - 0xd4));
        throw new Error('no value begins with 0xc1');
    }
  }

  #text(length: number): Item {
    return { value: JSON.stringify(this.#take(length).toString('utf8')), note: 'text' };
  }

  #extension(length: number): Item {
    const type = this.#take(1).readInt8();
    return { ...octetItem(this.#take(length)), note: `extension ${type}` };
  }

  #array(length: number, depth: number): Item {
    const children: TreeNode[] = [];
    while (children.length < length) children.push({ name: String(children.length), ...this.value(depth + 1) });
    return { note: `array of ${length}`, children };
  }

  #map(length: number, depth: number): Item {
    const children: TreeNode[] = [];
    while (children.length < length) {
      const { value, note } = this.value(depth + 1);
      children.push({ name: note === 'text' ? (JSON.parse(value!) as string) : (value ?? note ?? ''), ...this.value(depth + 1) });
    }
    return { note: `map of ${length}`, children };
  }

  #unsigned(length: number): number {
    return this.#take(length).readUIntBE(0, length);
  }

  #take(length: number): Buffer {
    if (length > this.#octets.length - this.at) throw new Error('it ends within a value');
    this.at += length;
    return this.#octets.subarray(this.at - length, this.at);
  }
}
