// Owns how text that somebody else may have chosen is made fit to be shown: cut, freed of what could steer a terminal or reorder what is read, and
// escaped for HTML.

/** One line of visible text: cut, blanks collapsed, and nothing left that could steer a terminal or reorder what is read. */
export function plain(text: string, maxCharacters: number): string {
  const cut = text.length > maxCharacters ? `${text.slice(0, maxCharacters).trimEnd()}…` : text;
  return cut.toWellFormed().replace(BLANKS, ' ').replace(STEERING, '\ufffd').trim();
}

/** For content of an element and for a quoted attribute. */
export function escapeHtml(text: string): string {
  return text.replace(SPECIAL_IN_HTML, (character) => HTML_ESCAPES[character]!);
}

/** Lines of at most `WIDTH` characters, broken at blanks; a longer word keeps a line to itself, so that it can be copied. */
export function wrapped(paragraph: string): string[] {
  const lines: string[] = [];
  let line = '';
  for (const word of paragraph.split(' ')) {
    if (line !== '' && line.length + 1 + word.length > WIDTH) {
      lines.push(line);
      line = word;
    } else line = line === '' ? word : `${line} ${word}`;
  }
  lines.push(line);
  return lines;
}

const WIDTH = 76;
const BLANKS = /\s+/g;
/** C0, DEL and C1 controls; the marks, embeddings, overrides and isolates of the bidirectional algorithm (UAX #9 §2). */
const STEERING = /[\u0000-\u001f\u007f-\u009f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/g;
const SPECIAL_IN_HTML = /[&<>"']/g;
const HTML_ESCAPES: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' };
