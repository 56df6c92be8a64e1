// Owns what a glob matches: `*` stands for any characters, slashes too; a glob without `*` is the whole text. Letters count as they are.
// No regular expression: the time is at most pieces times text length, whatever a client sends.

export interface Glob {
  /** As written in the policy. */
  readonly text: string;
  /** What stands between the stars, in order; one piece when there is none. */
  readonly pieces: readonly string[];
}

export function glob(text: string): Glob {
  return { text, pieces: text.split('*') };
}

export function matchesGlob({ pieces }: Glob, text: string): boolean {
  const first = pieces[0]!;
  if (pieces.length === 1) return text === first;
  const last = pieces[pieces.length - 1]!;
  if (text.length < first.length + last.length || !text.startsWith(first) || !text.endsWith(last)) return false;
  // Leftmost is enough: it leaves the most room for the pieces that follow.
  const end = text.length - last.length;
  let from = first.length;
  for (let i = 1; i < pieces.length - 1; i += 1) {
    const piece = pieces[i]!;
    const at = text.indexOf(piece, from);
    if (at === -1 || at + piece.length > end) return false;
    from = at + piece.length;
  }
  return true;
}

export function matchesAnyGlob(globs: readonly Glob[], text: string): boolean {
  for (let i = 0; i < globs.length; i += 1) if (matchesGlob(globs[i]!, text)) return true;
  return false;
}
