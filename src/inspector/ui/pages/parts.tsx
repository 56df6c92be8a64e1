// Owns what the pages beside the traffic are made of: sections, numbers that matter, and tables.
import type { Signal } from '@preact/signals';
import type { ComponentChildren } from 'preact';
import type { Overview } from '../../../flows/store/protocol.ts';
import { sizeText } from '../../../match/units.ts';
import { shareText } from '../words.ts';

interface SectionProps {
  readonly title: string;
  /** Buttons beside the title. */
  readonly actions?: ComponentChildren;
  readonly children: ComponentChildren;
}

export function Section({ title, actions, children }: SectionProps) {
  return (
    <section class="section">
      <header class="section-head">
        <h2>{title}</h2>
        {actions}
      </header>
      {children}
    </section>
  );
}

interface TileProps {
  readonly title: string;
  readonly value: string;
  readonly note?: string | undefined;
  readonly tone?: 'denied' | 'failed' | 'hit' | undefined;
  /** Where there is more about it. */
  readonly open?: () => void;
}

export function Tile({ title, value, note, tone, open }: TileProps) {
  const content = (
    <>
      <span class="soft">{title}</span>
      <strong class={`tile-value number ${tone === undefined ? '' : `tone-${tone}`}`}>{value}</strong>
      {note !== undefined && <span class="soft number">{note}</span>}
    </>
  );
  return open === undefined ? (
    <div class="tile">{content}</div>
  ) : (
    <button type="button" class="tile" onClick={open}>
      {content}
    </button>
  );
}

/** What the origins did not have to send, of the session: the same number wherever it is told. */
export function SavedTile({ savedBytes, bytes }: Pick<Overview, 'savedBytes' | 'bytes'>) {
  return <Tile title="Saved by the cache" value={sizeText(savedBytes)} note={`${shareText(savedBytes, bytes)} of the content`} />;
}

/** A bar behind a number, for comparing at a glance. */
export function ShareBar({ share, tone = 'plain' }: { readonly share: number; readonly tone?: 'plain' | 'denied' | 'hit' }) {
  return (
    <span class={`share-bar is-${tone}`} aria-hidden="true">
      <span style={{ width: `${Math.round(100 * Math.max(0, Math.min(1, share)))}%` }} />
    </span>
  );
}

interface TextFieldProps {
  readonly label: string;
  readonly placeholder: string;
  readonly text: Signal<string>;
  readonly isLong?: boolean;
  readonly isRequired?: boolean;
}

/** A line to write in, known by its label to whoever does not see the words in it. */
export function TextField({ label, placeholder, text, isLong = false, isRequired = false }: TextFieldProps) {
  return (
    <input
      class={isLong ? 'field is-long' : 'field'}
      aria-label={label}
      placeholder={placeholder}
      required={isRequired}
      value={text.value}
      onInput={({ currentTarget }) => (text.value = currentTarget.value)}
    />
  );
}

export function Loading({ problem }: { readonly problem: string | null }) {
  return problem === null ? <p class="empty">Loading …</p> : <p class="problem">{problem}</p>;
}

/** What scrolls has to be reached by keyboard (WCAG 2.1.1). */
export function PageBody({ children }: { readonly children: ComponentChildren }) {
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: as above.
    <div class="page-body" tabIndex={0}>
      {children}
    </div>
  );
}
