// Owns what can be done with an exchange, for the detail's buttons, the list's menu and the keyboard alike.
import type { Summary } from '../../../flows/recorded.ts';
import { getJson, write } from '../api.ts';
import { go } from '../route.ts';
import { attempt, copyText, tell } from '../shell/actions.ts';
import { askText } from '../shell/ask-text.tsx';
import { type Command, showMenuAt } from '../shell/menu.tsx';
import { copyRaw } from './raw-message.ts';
import { isUnderstood, urlText } from './url.ts';

export function replay({ id }: Summary): void {
  attempt(async () => {
    const { id: again } = await write<{ id: number }>('POST', `/api/exchanges/${id}/replay`);
    tell(`Replayed as ${again}.`, { label: 'Show', run: () => go({ page: 'traffic', id: again }) });
  });
}

/** @param reveal  whether with secrets: what was copied is pasted who knows where */
export function copyAs({ id }: Summary, form: 'curl' | 'fetch' | 'python', words: string, reveal = false): void {
  attempt(async () => {
    const { text } = await getJson<{ text: string }>(`/api/exchanges/${id}/as/${form}${reveal ? '?reveal=1' : ''}`);
    await copyText(text, `it as ${words}${reveal ? ', secrets included' : ''}`);
  });
}

export type RuleKind = 'map_local' | 'map_remote' | 'answer' | 'block' | 'set' | 'delay' | 'throttle' | 'fail' | 'offline' | 'truncate';

export const RULE_KINDS: readonly (readonly [kind: RuleKind, label: string])[] = [
  ['map_local', 'Answer with a local file'],
  ['map_remote', 'Send to another server …'],
  ['answer', 'Answer with a status'],
  ['block', 'Block'],
  ['set', 'Set fields'],
  ['delay', 'Delay'],
  ['throttle', 'Throttle to 3G'],
  ['fail', 'Reset the connection'],
  ['offline', 'Take the server offline'],
  ['truncate', 'Break the answer off'],
];

/** Of where to send them nobody knows but whoever asks for it. */
export function createRule({ id }: Summary, kind: RuleKind): void {
  if (kind !== 'map_remote') addRule({ id, kind });
  else
    askText({ title: 'Send to another server', label: 'URL of the server', placeholder: 'http://127.0.0.1:3000', maxLength: 2_000 }, (to) =>
      addRule({ id, kind, to }),
    );
}

function addRule(wanted: { readonly id: number; readonly kind: RuleKind; readonly to?: string }): void {
  attempt(async () => {
    const { name } = await write<{ name: string }>('POST', '/api/rules/from-exchange', wanted);
    tell(`Rule ‘${name}’ holds from now on.`, { label: 'Edit it', run: () => go({ page: 'rules' }) });
  });
}

/** The kinds of rules, below the button that was pressed: the second of the two clicks. */
export function chooseRule(row: Summary, event: Event): void {
  showMenuAt('Create a rule for it', event, () => RULE_KINDS.map(([kind, label]) => ({ label, run: () => createRule(row, kind) })));
}

export function copyCommands(row: Summary): readonly Command[] {
  const raw: readonly Command[] = [
    { label: 'Copy the raw request', run: () => copyRaw(row, 'request') },
    ...(row.status === 0 ? [] : [{ label: 'Copy the raw response', run: () => copyRaw(row, 'response') }]),
  ];
  if (!isUnderstood(row)) return raw;
  return [
    { label: 'Copy URL', icon: 'copy', run: () => attempt(() => copyText(urlText(row), 'the URL')) },
    { label: 'Copy as curl', key: 'c', run: () => copyAs(row, 'curl', 'a curl command') },
    { label: 'Copy as fetch', run: () => copyAs(row, 'fetch', 'a call of fetch') },
    { label: 'Copy as Python', run: () => copyAs(row, 'python', 'Python with requests') },
    ...raw,
    { label: 'Copy as curl, secrets included', run: () => copyAs(row, 'curl', 'a curl command', true) },
  ];
}
