// Owns finding text in what is shown. Places are highlighted by the browser over the text nodes that are there (CSS Custom Highlight API): nothing is
// marked up, so nothing of the text can become markup.
import { useSignal } from '@preact/signals';
import { useEffect, useRef } from 'preact/hooks';

export interface Found {
  readonly count: number;
  /** Which one is shown, from 0. */
  readonly at: number;
  readonly step: (by: number) => void;
}

/** @param shown  what is in the box: another means that it is looked through again */
export function useFinding(box: { readonly current: HTMLElement | null }, query: string, shown: readonly unknown[]): Found {
  const ranges = useRef<readonly Range[]>([]);
  const count = useSignal(0);
  const at = useSignal(0);
  useEffect(() => {
    // The text is drawn by children, after this.
    const timer = setTimeout(() => {
      ranges.current = query === '' || box.current === null ? [] : rangesIn(box.current, query);
      count.value = ranges.current.length;
      at.value = 0;
      highlight(ranges.current, 0);
    }, WAIT_MS);
    return () => {
      clearTimeout(timer);
      highlight([], 0);
    };
  }, [query, ...shown]);
  const step = (by: number) => {
    if (count.value === 0) return;
    at.value = (at.value + by + count.value) % count.value;
    highlight(ranges.current, at.value);
  };
  return { count: count.value, at: at.value, step };
}

function rangesIn(box: HTMLElement, query: string): Range[] {
  const wanted = query.toLowerCase();
  const walker = document.createTreeWalker(box, NodeFilter.SHOW_TEXT);
  const found: Range[] = [];
  while (found.length < MOST_FOUND && walker.nextNode() !== null) {
    const node = walker.currentNode as Text;
    const text = node.data.toLowerCase();
    for (let from = text.indexOf(wanted); from >= 0 && found.length < MOST_FOUND; from = text.indexOf(wanted, from + wanted.length)) {
      const range = new Range();
      range.setStart(node, from);
      range.setEnd(node, from + wanted.length);
      found.push(range);
    }
  }
  return found;
}

function highlight(ranges: readonly Range[], at: number): void {
  // Older browsers count, and show the place by scrolling to it.
  if (typeof Highlight === 'function') {
    CSS.highlights.set('found', new Highlight(...ranges));
    CSS.highlights.set('found-here', new Highlight(...ranges.slice(at, at + 1)));
  }
  ranges[at]?.startContainer.parentElement?.scrollIntoView({ block: 'center' });
}

const MOST_FOUND = 2_000;
const WAIT_MS = 80;
