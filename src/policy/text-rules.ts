// Owns the rules that are filed under literals of a host, a user's name or a path: which of them a question meets, as a set of bits, one a rule.
// To look at a path has a consequence: the path is then sent in normal form. So a path is looked at here only when a rule is met that looks at it in
// any case, the first one that asks for the path alone, and only rules behind it are filed under the path.
import { buildLiteralIndex, findLiterals, type LiteralIndex } from '../match/literal-index.ts';
import { lookAtPath, type Subject } from '../match/subject.ts';
import type { TextKey } from './rule-keys.ts';

export interface TextRules {
  /** Ascending. Bit i stands for the rule with the number `numbers[i]`. */
  readonly numbers: readonly number[];
  readonly byHost: LiteralIndex | null;
  readonly byUser: LiteralIndex | null;
  readonly byPath: LiteralIndex | null;
  /** Filed under the path. */
  readonly ofPath: Int32Array;
  /** And of these, such as ask for something else as well, which counts where nobody sees the path. */
  readonly ofMore: Int32Array;
  /** Those that the question meets and that have not been given yet. */
  readonly met: Int32Array;
}

export interface TextRule {
  readonly number: number;
  readonly keys: readonly TextKey[];
  readonly asksPathAlone: boolean;
}

/** @param filed ascending */
export function buildTextRules(filed: readonly TextRule[]): TextRules {
  const words = (filed.length + 31) >> 5;
  const ofPath = new Int32Array(words);
  const ofMore = new Int32Array(words);
  for (const [bit, { keys, asksPathAlone }] of filed.entries()) {
    if (!keys.some(({ kind }) => kind === 'path-text')) continue;
    setBit(ofPath, bit);
    if (!asksPathAlone) setBit(ofMore, bit);
  }
  return {
    numbers: filed.map(({ number }) => number),
    byHost: indexOf('host-text', filed),
    byUser: indexOf('user-text', filed),
    byPath: indexOf('path-text', filed),
    ofPath,
    ofMore,
    met: new Int32Array(words),
  };
}

/** Begins anew, with the rules that the host and the user meet. */
export function meetHostAndUser({ byHost, byUser, met }: TextRules, { question: { host, identity } }: Subject): void {
  for (let word = 0; word < met.length; word += 1) met[word] = 0;
  if (byHost !== null) findLiterals(byHost, host, met);
  if (byUser !== null && typeof identity === 'object') findLiterals(byUser, identity.user, met);
}

/** Adds the rules that the path meets. Without a normal form it is for them to say so, and what nobody sees may leave the rest to be found out. */
export function meetPath({ byPath, ofPath, ofMore, met }: TextRules, subject: Subject): void {
  const normalised = lookAtPath(subject);
  if (normalised?.isUsable) {
    if (byPath !== null) findLiterals(byPath, normalised.path, met);
  } else add(normalised === null ? ofMore : ofPath, met);
}

/** The lowest number of the rules met; `none` when there is none. */
export function lowestMet({ numbers, met }: TextRules, none: number): number {
  for (let word = 0; word < met.length; word += 1) {
    const bits = met[word]!;
    if (bits !== 0) return numbers[word * 32 + 31 - Math.clz32(bits & -bits)]!;
  }
  return none;
}

/** Takes away the lowest of the rules met. */
export function dropLowest({ met }: TextRules): void {
  for (let word = 0; word < met.length; word += 1) {
    if (met[word] === 0) continue;
    met[word]! &= met[word]! - 1;
    return;
  }
}

function indexOf(kind: TextKey['kind'], filed: readonly TextRule[]): LiteralIndex | null {
  const bits = new Map<string, number[]>();
  for (const [bit, { keys }] of filed.entries()) {
    const literals = keys.flatMap((key) => (key.kind === kind ? key.literals : []));
    for (const literal of new Set(literals)) {
      const list = bits.get(literal);
      if (list === undefined) bits.set(literal, [bit]);
      else list.push(bit);
    }
  }
  return bits.size === 0 ? null : buildLiteralIndex(bits);
}

function setBit(bits: Int32Array, bit: number): void {
  bits[bit >> 5]! |= 1 << (bit & 31);
}

function add(bits: Int32Array, into: Int32Array): void {
  for (let word = 0; word < into.length; word += 1) into[word]! |= bits[word]!;
}
