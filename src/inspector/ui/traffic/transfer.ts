// Owns taking the traffic that the filter leaves elsewhere, and bringing some in: HAR 1.2.
import { getOctets, putFile } from '../api.ts';
import { attempt, saveFile, tell } from '../shell/actions.ts';
import type { Command } from '../shell/menu.tsx';
import { counted } from '../words.ts';
import { effectiveFilter } from './filter-text.ts';
import { lookAtSession } from './selection.ts';

export function transferCommands(): readonly Command[] {
  const isFiltered = effectiveFilter.value !== '';
  return [
    { label: isFiltered ? 'Export what matches as HAR' : 'Export all as HAR', icon: 'save', run: () => exportHar(false) },
    { label: 'Export as HAR, secrets included', run: () => exportHar(true) },
    { label: 'Import a HAR …', icon: 'plus', startsGroup: true, run: importHar },
  ];
}

function exportHar(withSecrets: boolean): void {
  attempt(async () => {
    const query = new URLSearchParams({ filter: effectiveFilter.value, reveal: withSecrets ? '1' : '0' });
    saveFile('sallyport.har', await getOctets(`/api/export.har?${query}`), 'application/json');
    tell(withSecrets ? 'Exported. The file has credentials and cookies in it.' : 'Exported. Credentials and cookies are masked in it.');
  });
}

function importHar(): void {
  const input = document.createElement('input');
  input.type = 'file';
  input.accept = '.har,application/json';
  input.onchange = () =>
    attempt(async () => {
      const file = input.files?.[0];
      if (file === undefined) return;
      const name = file.name.replace(/\.har$/, '').replace(/[^\w .-]/g, '_');
      const { session, exchanges, leftOut } = await putFile<{ session: string; exchanges: number; leftOut: number }>(
        `/api/import.har?name=${encodeURIComponent(name)}`,
        file,
      );
      const others = leftOut === 0 ? '' : ` ${counted(leftOut, 'entry', 'entries')} left out: data:, blob: and the like pass no proxy.`;
      tell(`${counted(exchanges, 'exchange')} imported.${others}`, { label: 'Look at them', run: () => lookAtSession(session) });
    });
  input.click();
}
