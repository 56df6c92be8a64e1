// Owns what a path pattern matches: `*` stands for any characters, slashes too; a pattern without `*` is a whole path.
// Both sides are in normal form (`http/path.ts`). No regular expression: the time is at most pieces times path length, whatever a client sends.

export interface PathPattern {
  /** As written in the policy. */
  readonly text: string;
  /** What stands between the stars, in order; one piece when there is none. */
  readonly pieces: readonly string[];
}

/** @param text begins with a slash or a star, and holds no query */
export function pathPattern(text: string): PathPattern {
  return { text, pieces: text.split('*') };
}

/** @param path in normal form, without the query */
export function matchesPath(pattern: PathPattern, path: string): boolean {
  const { pieces } = pattern;
  const first = pieces[0]!;
  if (pieces.length === 1) return path === first;
  const last = pieces[pieces.length - 1]!;
  if (path.length < first.length + last.length || !path.startsWith(first) || !path.endsWith(last)) return false;
  // Leftmost is enough: it leaves the most room for the pieces that follow.
  const end = path.length - last.length;
  let from = first.length;
  for (let i = 1; i < pieces.length - 1; i += 1) {
    const piece = pieces[i]!;
    const at = path.indexOf(piece, from);
    if (at === -1 || at + piece.length > end) return false;
    from = at + piece.length;
  }
  return true;
}
