// Owns colours in source text. They are laid over the text by the browser (CSS Custom Highlight API), so that it stays one text node, and nothing of it
// becomes markup. It is for the eye: a token that is taken for another one is in another colour, and that is all.

const NAMES = ['comment', 'string', 'tag', 'word', 'number'] as const;
type TokenName = (typeof NAMES)[number];

/** @returns what takes the colours off again */
export function colour(pieces: Iterable<Element>, kind: string): () => void {
  const pattern = PATTERNS[kind];
  if (pattern === undefined || typeof Highlight !== 'function') return () => {};
  const laid = [...pieces].flatMap((piece) => tokensIn(piece.firstChild, pattern)).slice(0, MOST_TOKENS);
  for (const { name, range } of laid) layerOf(name).add(range);
  return () => {
    for (const { name, range } of laid) layerOf(name).delete(range);
  };
}

function tokensIn(node: Node | null, pattern: RegExp): { readonly name: TokenName; readonly range: Range }[] {
  if (!(node instanceof Text) || node.length > MOST_LETTERS) return [];
  return Array.from(node.data.matchAll(pattern), (match) => {
    const name = NAMES.find((each) => match.groups?.[each] !== undefined)!;
    const range = new Range();
    range.setStart(node, match.index);
    range.setEnd(node, match.index + match[0].length);
    return { name, range };
  });
}

function layerOf(name: TokenName): Highlight {
  const known = CSS.highlights.get(`syntax-${name}`);
  if (known !== undefined) return known;
  const layer = new Highlight();
  // What somebody looks for lies above.
  layer.priority = -1;
  CSS.highlights.set(`syntax-${name}`, layer);
  return layer;
}

const MARKUP = /(?<comment><!--[\s\S]*?-->)|(?<tag><[!/]?[a-z][\w:-]*|\/?>)|(?<string>(?<==)(?:"[^"\n]*"|'[^'\n]*'))/gi;
const CODE =
  /(?<comment>\/\*[\s\S]*?\*\/|(?<![:\w])\/\/[^\n]*)|(?<string>"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*'|`(?:[^`\\]|\\.)*`)|(?<word>\b(?:async|await|break|case|catch|class|const|continue|default|else|export|extends|false|finally|for|from|function|if|import|in|let|new|null|of|return|static|switch|this|throw|true|try|typeof|undefined|var|while|yield|query|mutation|fragment|on)\b|@[a-z-]+)|(?<number>(?<![\w#])\d[\w.%]*)/g;
const PATTERNS: Readonly<Record<string, RegExp>> = { html: MARKUP, xml: MARKUP, css: CODE, javascript: CODE, graphql: CODE };
/** Of one piece: a pattern that has to look far for an end does so over no more than this. */
const MOST_LETTERS = 20_000;
const MOST_TOKENS = 20_000;
