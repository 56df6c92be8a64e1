// Owns the menu of a row.
import type { Summary } from '../../../flows/recorded.ts';
import { showAllowing } from '../detail/allowing.tsx';
import { showDiff } from '../detail/diff.tsx';
import { showEditor } from '../detail/resend.tsx';
import type { Command } from '../shell/menu.tsx';
import { copyCommands, createRule, RULE_KINDS, replay } from './exchange-actions.ts';
import { addToFilter } from './filter-text.ts';
import { mayBeAllowed } from './refusal.ts';
import { saveContent } from './save-content.ts';
import { openDetail, second, toggleSecond } from './selection.ts';
import { isUnderstood } from './url.ts';

export function rowCommands(row: Summary): readonly Command[] {
  const isExchange = row.kind === 'exchange';
  const isActedOn = isExchange && isUnderstood(row);
  return [
    { label: 'Open', icon: 'external', key: 'Enter', run: () => openDetail(row) },
    { label: 'Why', icon: 'policy', run: () => openDetail(row, 'why') },
    ...(isActedOn ? actingCommands(row) : []),
    ...copyCommands(row).map((command, at) => ({ ...command, startsGroup: at === 0 })),
    ...(isExchange ? savingCommands(row, false) : []),
    ...(row.host === '' ? [] : hostCommands(row)),
    ...compareCommands(row),
    ...(mayBeAllowed(row) ? [{ label: 'Allow this host …', icon: 'check' as const, startsGroup: true, run: () => showAllowing(row) }] : []),
    ...(isActedOn
      ? RULE_KINDS.map(([kind, label], at) => ({
          label: `Rule: ${label[0]!.toLowerCase()}${label.slice(1)}`,
          startsGroup: at === 0,
          run: () => createRule(row, kind),
        }))
      : []),
  ];
}

function actingCommands(row: Summary): readonly Command[] {
  return [
    { label: 'Replay', icon: 'replay', key: 'r', startsGroup: true, run: () => replay(row) },
    { label: 'Edit and resend …', icon: 'edit', key: 'e', run: () => showEditor(row) },
  ];
}

function hostCommands({ host }: Summary): readonly Command[] {
  return [
    { label: `Only ${host}`, icon: 'filter', startsGroup: true, run: () => addToFilter(`host:${host}`) },
    { label: `Not ${host}`, run: () => addToFilter(`!host:${host}`) },
  ];
}

/** @param reveal  whether with secrets */
export function savingCommands(row: Summary, reveal: boolean): readonly Command[] {
  return (['response', 'request'] as const)
    .filter((side) => (side === 'response' ? row.responseBytes : row.requestBytes) > 0)
    .map((side) => ({ label: `Save the ${side}’s content`, icon: 'save' as const, run: () => saveContent(row, side, reveal) }));
}

function compareCommands(row: Summary): readonly Command[] {
  const marked = second.value;
  if (marked === null || marked.id === row.id)
    return [{ label: marked === null ? 'Mark to compare' : 'Mark no more', icon: 'diff', key: 'x', run: () => toggleSecond(row) }];
  return [{ label: `Compare with ${marked.id} …`, icon: 'diff', key: 'd', run: () => showDiff(marked, row) }];
}
