// Owns single keys as commands. They are silent where somebody writes, and with any modifier, which belongs to the browser and to screen readers.
import { useLayoutEffect, useRef } from 'preact/hooks';

export type Keys = Readonly<Record<string, (event: KeyboardEvent) => void>>;

/** What pressing `?` tells. */
export const KEYS: readonly (readonly [keys: string, does: string])[] = [
  ['/', 'Go to the filter'],
  ['j  k', 'Next, previous exchange (arrows too)'],
  ['g  G', 'First, last'],
  ['Enter', 'Open its detail'],
  ['Esc', 'Back to the list'],
  ['[  ]', 'Previous, next tab of the detail'],
  ['r', 'Replay'],
  ['e', 'Edit and resend'],
  ['c', 'Copy as curl'],
  ['x', 'Mark to compare'],
  ['d', 'Compare with the marked one'],
  ['m', 'More actions'],
  ['f', 'Follow the newest'],
  ['1 … 9', 'Pages, from Traffic to Sessions'],
  ['t', 'Light, dark or as the system has it'],
  ['?', 'This help, and the filter’s words'],
];

/** While the component is there, and nothing newer wants the same key. From the moment it can be seen: who types fast types ahead of effects. */
export function useKeys(keys: Keys): void {
  const latest = useRef(keys);
  latest.current = keys;
  useLayoutEffect(() => {
    const press = (event: KeyboardEvent) => {
      if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || isWriting(event.target)) return;
      if (event.key === 'Enter' && isPressable(event.target)) return;
      if (SCROLLING.has(event.key) && isDetail(event.target)) return;
      const act = latest.current[event.key];
      if (act === undefined) return;
      event.preventDefault();
      act(event);
    };
    document.addEventListener('keydown', press);
    return () => document.removeEventListener('keydown', press);
  }, []);
}

/** What Enter presses, which it then has to. */
function isPressable(target: EventTarget | null): boolean {
  return target instanceof Element && target.closest('button, a, summary') !== null;
}

/** What scrolls by itself while it has the focus (WCAG 2.1.1). */
function isDetail(target: EventTarget | null): boolean {
  return target instanceof Element && target.closest('.detail-body') !== null;
}

function isWriting(target: EventTarget | null): boolean {
  if (!(target instanceof HTMLElement)) return false;
  if (target.closest('dialog, [role="menu"]') !== null) return true;
  return target.isContentEditable || target instanceof HTMLTextAreaElement || target instanceof HTMLSelectElement || isTextInput(target);
}

function isTextInput(target: HTMLElement): boolean {
  return target instanceof HTMLInputElement && !['checkbox', 'radio', 'button'].includes(target.type);
}

const SCROLLING: ReadonlySet<string> = new Set(['ArrowUp', 'ArrowDown', 'PageUp', 'PageDown', 'Home', 'End']);
