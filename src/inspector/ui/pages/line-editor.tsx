// Owns writing text of several lines with their numbers beside it, and marks at the lines that have a problem.
import { useEffect, useRef } from 'preact/hooks';
import type { RuleProblem } from '../wire.ts';

interface LineEditorProps {
  readonly label: string;
  readonly text: string;
  /** An example, where nothing is written yet. */
  readonly placeholder: string;
  readonly problems: readonly RuleProblem[];
  /** The line to put the cursor on; 0 for none. */
  readonly goTo: number;
  readonly onText: (text: string) => void;
  readonly onSave: () => void;
}

export function LineEditor({ label, text, placeholder, problems, goTo, onText, onSave }: LineEditorProps) {
  const area = useRef<HTMLTextAreaElement>(null);
  const lines = text.split('\n');
  useEffect(() => {
    if (goTo > 0) putCursor(area.current!, lines, goTo);
  }, [goTo]);
  const press = (event: KeyboardEvent) => {
    if (event.key !== 's' || !(event.ctrlKey || event.metaKey)) return;
    event.preventDefault();
    onSave();
  };
  const wrong = new Map(problems.map((problem) => [problem.line, problem.message]));
  return (
    <div class="line-editor">
      <div class="line-numbers" aria-hidden="true">
        {lines.map((_, at) => (
          <span key={at} class={wrong.has(at + 1) ? 'is-wrong' : ''} title={wrong.get(at + 1)}>
            {at + 1}
          </span>
        ))}
      </div>
      <textarea
        ref={area}
        aria-label={label}
        aria-invalid={problems.length > 0}
        rows={Math.max(16, lines.length + 1)}
        wrap="off"
        spellcheck={false}
        placeholder={placeholder}
        value={text}
        onInput={({ currentTarget }) => onText(currentTarget.value)}
        onKeyDown={press}
      />
    </div>
  );
}

function putCursor(area: HTMLTextAreaElement, lines: readonly string[], line: number): void {
  const from = lines.slice(0, line - 1).reduce((sum, each) => sum + each.length + 1, 0);
  area.focus();
  area.setSelectionRange(from, from + (lines[line - 1]?.length ?? 0));
}
