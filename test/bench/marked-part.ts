// Owns the part of a document that the benchmark writes: what stands between two marks, which stay. A document without them is the benchmark's as a whole.

export const MARKS = { begin: '<!-- bench: begin -->', end: '<!-- bench: end -->' } as const;

/** @param document  `null` where there is none yet @returns the document with the text in its place */
export function place(text: string, document: string | null): string {
  const begin = document?.indexOf(MARKS.begin) ?? -1;
  const end = document?.indexOf(MARKS.end, begin) ?? -1;
  if (document === null || begin < 0 || end < 0) return `${text}\n`;
  return `${document.slice(0, begin + MARKS.begin.length)}\n\n${text}\n\n${document.slice(end)}`;
}
