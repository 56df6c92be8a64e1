// Owns putting secrets back into a text that was shown with masks in their places and edited since. A piece of the text that nobody has touched is what
// it was; where a mask stands in a piece that was, or which of several equal ones it is cannot be told, nothing is guessed: a secret in a wrong place
// would be sent to whoever is there.
import { hasMask } from './mask.ts';

/**
 * Texts have one character an octet.
 *
 * @param edited  what somebody made of `shown`
 * @param shown  `original` with masks in it
 * @returns `edited` without any mask; `null` where it cannot be told what one stands for
 */
export function withSecrets(edited: string, shown: string, original: string): string | null {
  if (edited === shown) return original;
  if (!hasMask(edited)) return edited;
  const shownPieces = shown.split(PIECES);
  const originalPieces = original.split(PIECES);
  // A secret that has such a sign in it itself.
  if (shownPieces.length !== originalPieces.length) return null;
  const editedPieces = edited.split(PIECES);
  const places = placesOfMasked(shownPieces);
  const left = placesOfMasked(editedPieces);
  for (const [piece, ats] of left) {
    const from = places.get(piece);
    if (from?.length !== ats.length) return null;
    for (const [i, at] of ats.entries()) editedPieces[at] = originalPieces[from[i]!]!;
  }
  return editedPieces.join('');
}

/** By the piece, in order. */
function placesOfMasked(pieces: readonly string[]): Map<string, number[]> {
  const places = new Map<string, number[]>();
  for (const [at, piece] of pieces.entries()) {
    if (!hasMask(piece)) continue;
    const known = places.get(piece);
    if (known === undefined) places.set(piece, [at]);
    else known.push(at);
  }
  return places;
}

/** Before what parts parameters, cookies, members of JSON, and lines. */
const PIECES = /(?=[?&;#,{}[\]\n])/;
