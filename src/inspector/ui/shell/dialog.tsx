// Owns windows over the page: one at a time, closed by Escape, by its button and by a click beside it; the browser keeps the focus inside.
import { signal } from '@preact/signals';
import type { ComponentChildren, VNode } from 'preact';
import { useLayoutEffect, useRef } from 'preact/hooks';
import { Icon } from '../icons.tsx';

/** What draws the window that is open. */
const openDialog = signal<(() => VNode) | null>(null);

export function showDialog(draw: () => VNode): void {
  openDialog.value = draw;
}

export function closeDialog(): void {
  openDialog.value = null;
}

export function DialogLayer() {
  return openDialog.value?.() ?? null;
}

interface DialogProps {
  readonly title: string;
  readonly isWide?: boolean;
  readonly children: ComponentChildren;
  /** Buttons. */
  readonly foot?: ComponentChildren;
}

export function Dialog({ title, isWide = false, children, foot }: DialogProps) {
  const element = useRef<HTMLDialogElement>(null);
  useLayoutEffect(() => {
    const { current } = element;
    current?.showModal();
    return () => current?.close();
  }, []);
  return (
    // biome-ignore lint/a11y/useKeyWithClickEvents: a click beside it; Escape does the same.
    <dialog
      ref={element}
      class={`dialog ${isWide ? 'is-wide' : ''}`}
      aria-label={title}
      onClose={closeDialog}
      onClick={(event) => {
        if (event.target === event.currentTarget) closeDialog();
      }}
    >
      <div class="dialog-frame">
        <header class="dialog-head">
          <h2>{title}</h2>
          <button type="button" class="quiet" aria-label="Close" onClick={closeDialog}>
            <Icon name="close" />
          </button>
        </header>
        <div class="dialog-body">{children}</div>
        {foot !== undefined && <footer class="dialog-foot">{foot}</footer>}
      </div>
    </dialog>
  );
}
