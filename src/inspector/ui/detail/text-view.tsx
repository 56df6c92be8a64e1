// Owns long text: in pieces, of which the browser lays out those on the screen, and with more on demand beyond what anybody reads at once.
import { useSignal } from '@preact/signals';
import { useEffect, useMemo, useRef } from 'preact/hooks';
import { countText } from '../words.ts';
import { colour } from './syntax.ts';

interface TextViewProps {
  readonly text: string;
  /** Where lines have numbers of their own. */
  readonly isNumbered?: boolean;
  /** What it is, for its colours. */
  readonly kind?: string;
}

export function TextView({ text, isNumbered = true, kind = 'text' }: TextViewProps) {
  const box = useRef<HTMLDivElement>(null);
  const shown = useSignal(FIRST_LINES);
  const lines = useMemo(() => text.split('\n'), [text]);
  const pieces = Math.ceil(Math.min(shown.value, lines.length) / PIECE_LINES);
  useEffect(() => colour(box.current!.querySelectorAll('.text-lines'), kind), [text, kind, pieces]);
  return (
    <div class="text-view" ref={box}>
      {Array.from({ length: pieces }, (_, piece) => {
        const from = piece * PIECE_LINES;
        const of = lines.slice(from, Math.min(from + PIECE_LINES, shown.value));
        return (
          <div key={from} class="text-piece">
            {isNumbered && (
              <pre class="text-numbers" aria-hidden="true">
                {of.map((_, at) => from + at + 1).join('\n')}
              </pre>
            )}
            <pre class="text-lines">{of.join('\n')}</pre>
          </div>
        );
      })}
      {lines.length > shown.value && (
        <button type="button" class="button" onClick={() => (shown.value += 10 * FIRST_LINES)}>
          Show more of {countText(lines.length)} lines
        </button>
      )}
    </div>
  );
}

const PIECE_LINES = 100;
const FIRST_LINES = 5_000;
