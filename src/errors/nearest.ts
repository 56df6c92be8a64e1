// Owns the hint in "unknown key: did you mean …": the known word with the fewest edits, if few enough to be a slip of the hand.

/**
 * The known word nearest to `word`, or `null` when none is near. At most a third of the letters may differ; two neighbours that changed
 * places count as one edit (the restricted Damerau-Levenshtein distance).
 */
export function nearest(word: string, known: Iterable<string>): string | null {
  let best: string | null = null;
  let bestDistance = Math.max(1, Math.floor(word.length / 3)) + 1;
  for (const candidate of known) {
    const distance = editDistance(word.toLowerCase(), candidate.toLowerCase());
    if (distance < bestDistance) [best, bestDistance] = [candidate, distance];
  }
  return best;
}

/** ` Did you mean "limits"?` with its leading blank, or nothing. @param prefix which all have in common, and which says nothing of nearness */
export function didYouMean(word: string, known: Iterable<string>, prefix = ''): string {
  const hint = nearest(
    word.slice(prefix.length),
    Array.from(known, (each) => each.slice(prefix.length)),
  );
  return hint === null ? '' : ` Did you mean "${prefix}${hint}"?`;
}

function editDistance(a: string, b: string): number {
  let beforeLast: number[] = [];
  let last = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i += 1) {
    const row = [i];
    for (let j = 1; j <= b.length; j += 1) {
      const replaced = last[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1);
      row[j] = Math.min(replaced, last[j]! + 1, row[j - 1]! + 1);
      const swapped = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1];
      if (swapped) row[j] = Math.min(row[j]!, beforeLast[j - 2]! + 1);
    }
    [beforeLast, last] = [last, row];
  }
  return last[b.length]!;
}
