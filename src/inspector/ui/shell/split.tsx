// Owns two parts of a page with a line between them that can be moved, by hand or with the arrow keys (ARIA Authoring Practices, "Window Splitter").
import type { ComponentChild } from 'preact';
import { useMemo, useRef } from 'preact/hooks';
import { preference } from '../preferences.ts';

interface SplitProps {
  /** Under which its place is kept. */
  readonly name: string;
  readonly isBelow: boolean;
  /** Whether the second part takes the place of the first. */
  readonly isAlone: boolean;
  readonly first: ComponentChild;
  /** `null` leaves all room to the first. */
  readonly second: ComponentChild | null;
}

export function Split({ name, isBelow, isAlone, first, second }: SplitProps) {
  const share = useMemo(
    () => preference<number>(`split.${name}`, 54, (value) => typeof value === 'number' && value >= LEAST && value <= 100 - LEAST),
    [name],
  );
  const box = useRef<HTMLDivElement>(null);
  const move = (to: number) => {
    share.value = Math.round(Math.max(LEAST, Math.min(100 - LEAST, to)));
  };
  const drag = (event: PointerEvent) => {
    const bar = event.currentTarget as HTMLElement;
    bar.setPointerCapture(event.pointerId);
    bar.onpointermove = ({ clientX, clientY }) => {
      const { left, top, width, height } = box.current!.getBoundingClientRect();
      move(isBelow ? (100 * (clientY - top)) / height : (100 * (clientX - left)) / width);
    };
    bar.onpointerup = () => {
      bar.onpointermove = null;
    };
  };
  const press = (event: KeyboardEvent) => {
    const step = { ArrowLeft: -2, ArrowUp: -2, ArrowRight: 2, ArrowDown: 2 }[event.key];
    if (step === undefined) return;
    event.preventDefault();
    move(share.value + step);
  };
  const isSplit = second !== null && !isAlone;
  const tracks = `minmax(0, ${share.value}fr) 1px minmax(0, ${100 - share.value}fr)`;
  const style = isSplit ? { [isBelow ? 'gridTemplateRows' : 'gridTemplateColumns']: tracks } : {};
  return (
    <div ref={box} class={`split ${isSplit ? 'is-split' : ''}`} style={style}>
      <div class={`split-part ${isAlone && second !== null ? 'is-hidden' : ''}`}>{first}</div>
      {isSplit && (
        // biome-ignore lint/a11y/useSemanticElements: a rule cannot be moved.
        <div
          class={`split-bar ${isBelow ? 'is-below' : ''}`}
          role="separator"
          aria-label="Size of the list"
          aria-orientation={isBelow ? 'horizontal' : 'vertical'}
          aria-valuenow={share.value}
          aria-valuemin={LEAST}
          aria-valuemax={100 - LEAST}
          tabIndex={0}
          onPointerDown={drag}
          onKeyDown={press}
        />
      )}
      {second !== null && <div class="split-part">{second}</div>}
    </div>
  );
}

/** Per cent. */
const LEAST = 20;
