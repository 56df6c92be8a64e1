// Owns JSON as a tree that folds. Numbers are shown as they were written: what JavaScript makes of `10000000000000000001` is another number.
import { useSignal } from '@preact/signals';
import { Icon } from '../icons.tsx';
import { countText } from '../words.ts';

/** A number with the digits that it came with. */
class WrittenNumber {
  readonly source: string;

  constructor(source: string) {
    this.source = source;
  }
}

/** @returns `undefined` for what is no JSON, or too much of it */
export function parseJson(text: string): unknown {
  if (text.length > MOST_TEXT) return undefined;
  try {
    return JSON.parse(text, asWritten as Parameters<typeof JSON.parse>[1]);
  } catch {
    return undefined;
  }
}

function asWritten(_key: string, value: unknown, context?: { readonly source?: string }): unknown {
  return typeof value === 'number' ? new WrittenNumber(context?.source ?? String(value)) : value;
}

export function JsonTree({ value }: { readonly value: unknown }) {
  return (
    <div class="json">
      <Node name={null} value={value} depth={0} />
    </div>
  );
}

interface NodeProps {
  readonly name: string | null;
  readonly value: unknown;
  readonly depth: number;
}

function Node({ name, value, depth }: NodeProps) {
  const label = name === null ? null : <span class="json-name">{name}: </span>;
  if (!isBranch(value))
    return (
      <div class="json-line json-leaf">
        {label}
        <Leaf value={value} />
      </div>
    );
  return <Branch label={label} value={value} depth={depth} />;
}

function Branch({ label, value, depth }: { readonly label: preact.ComponentChild; readonly value: object; readonly depth: number }) {
  const entries = Object.entries(value);
  const isList = Array.isArray(value);
  const isOpen = useSignal(depth < 3 && entries.length <= MOST_OPEN);
  const most = useSignal(MOST_ENTRIES);
  const [open, close] = isList ? '[]' : '{}';
  return (
    <div>
      <button type="button" class="json-line json-fold" aria-expanded={isOpen.value} onClick={() => (isOpen.value = !isOpen.value)}>
        <Icon name={isOpen.value ? 'down' : 'right'} size={10} />
        {label}
        <span class="soft">
          {open}
          {!isOpen.value && ` … ${close}`} <span class="json-count">{entries.length}</span>
        </span>
      </button>
      {isOpen.value && (
        <div class="json-below">
          {entries.slice(0, most.value).map(([key, each]) => (
            <Node key={key} name={key} value={each} depth={depth + 1} />
          ))}
          {entries.length > most.value && (
            <button type="button" class="link" onClick={() => (most.value += 10 * MOST_ENTRIES)}>
              {countText(entries.length - most.value)} more
            </button>
          )}
        </div>
      )}
      {isOpen.value && <div class="json-line json-leaf soft">{close}</div>}
    </div>
  );
}

function Leaf({ value }: { readonly value: unknown }) {
  if (value instanceof WrittenNumber) return <span class="json-number">{value.source}</span>;
  if (typeof value === 'string') return <span class="json-string">{JSON.stringify(value)}</span>;
  return <span class="json-word">{String(value)}</span>;
}

function isBranch(value: unknown): value is object {
  return typeof value === 'object' && value !== null && !(value instanceof WrittenNumber);
}

const MOST_TEXT = 4_000_000;
const MOST_OPEN = 200;
const MOST_ENTRIES = 100;
