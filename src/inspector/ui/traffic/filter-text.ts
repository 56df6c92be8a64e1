// Owns the filter that the list has: the text in the bar, the host that is chosen in the tree, what was asked for before, and what both make together.
import { computed, signal } from '@preact/signals';
import { parseFilter } from '../../../flows/filter/parse.ts';
import { preference } from '../preferences.ts';

/** What is written. It takes effect when it can be read. */
export const filterText = signal('');
/** Chosen in the tree; `null` is all. */
export const chosenHost = signal<string | null>(null);
/** The last one first. */
export const filterHistory = preference<readonly string[]>('filters', [], Array.isArray);

export const filterProblem = computed(() => {
  const parsed = parse(filterText.value);
  return 'problem' in parsed ? parsed.problem : null;
});

/** The last one that could be read. */
export const effectiveText = signal('');

export const effectiveFilter = computed(() => {
  const text = effectiveText.value.trim();
  const host = chosenHost.value;
  if (host === null) return text;
  return text === '' ? `host:${host}` : `(${text}) host:${host}`;
});

export function writeFilter(text: string): void {
  clearTimeout(typing);
  filterText.value = text;
  if (filterProblem.value === null) effectiveText.value = text;
}

/** As somebody types: `is` on the way to `is:denied` is not yet meant. */
export function typeFilter(text: string): void {
  clearTimeout(typing);
  filterText.value = text;
  typing = setTimeout(() => writeFilter(text), PAUSE_MS);
}

let typing: ReturnType<typeof setTimeout> | undefined;

/** Adds a term, or takes it out where it is one already. */
export function addToFilter(term: string): void {
  const terms = filterText.value.trim();
  const words = terms === '' ? [] : terms.split(/ +/);
  if (words.includes(term)) writeFilter(words.filter((word) => word !== term).join(' '));
  else writeFilter([/(^|\s)(\||or)(\s|$)/.test(terms) ? `(${terms})` : terms, term].filter((part) => part !== '').join(' '));
}

export function hasTerm(term: string): boolean {
  return filterText.value.split(/ +/).includes(term);
}

/** Keeps what somebody has settled on. */
export function rememberFilter(): void {
  const text = filterText.value.trim();
  if (text === '' || filterProblem.value !== null) return;
  filterHistory.value = [text, ...filterHistory.value.filter((other) => other !== text)].slice(0, MOST_KEPT);
}

function parse(text: string): ReturnType<typeof parseFilter> | { readonly ok: null } {
  return text.trim() === '' ? { ok: null } : parseFilter(text);
}

const MOST_KEPT = 12;
const PAUSE_MS = 200;
