// Owns the frame that all HTML pages of ours have in common: one column, one style sheet in the page itself, and no mention in search engines.
import { escapeHtml } from './harmless-text.ts';

export interface HtmlDocument {
  readonly title: string;
  readonly style: string;
  /** Class of what is in `main`. */
  readonly kind: string;
  /** HTML. */
  readonly main: string;
  /** Lines of the head, and lines behind `main`; each ends with a line break. */
  readonly head?: string;
  readonly end?: string;
}

export function htmlDocument({ title, style, kind, main, head = '', end = '' }: HtmlDocument): string {
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex">
${head}<title>${escapeHtml(title)}</title>
<style>${style}</style>
</head>
<body>
<main class="${kind}">
${main}
</main>
${end}</body>
</html>
`;
}
