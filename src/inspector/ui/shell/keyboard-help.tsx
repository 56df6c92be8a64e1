// Owns what `?` shows: the keys, and the words of the filter, each with an example that a press tries out.
import { BARE_TEXT, OPERATORS, WORDS } from '../../../flows/filter/words.ts';
import { KEYS } from '../keyboard.ts';
import { go } from '../route.ts';
import { writeFilter } from '../traffic/filter-text.ts';
import { closeDialog, Dialog, showDialog } from './dialog.tsx';

export function showKeyboardHelp(): void {
  showDialog(() => (
    <Dialog title="Keyboard and filter" isWide>
      <dl class="keys">
        {KEYS.map(([keys, does]) => (
          <div key={keys}>
            <dt>
              {keys.split(/ {2}/).map((key) => (
                <kbd key={key}>{key}</kbd>
              ))}
            </dt>
            <dd>{does}</dd>
          </div>
        ))}
      </dl>
      <h3 class="words-title">Words of the filter</h3>
      <p class="soft">A press on an example tries it. The words with ~ are those of mitmproxy; both kinds go together.</p>
      <dl class="words">
        {[BARE_TEXT, ...OPERATORS, ...WORDS].map(({ example, meaning }) => (
          <div key={`${example} ${meaning}`}>
            <dt>
              <button type="button" class="link mono" onClick={() => tryOut(example)}>
                {example}
              </button>
            </dt>
            <dd>{meaning.replaceAll(/`([^`]+)`/g, '‘$1’')}</dd>
          </div>
        ))}
      </dl>
    </Dialog>
  ));
}

function tryOut(example: string): void {
  closeDialog();
  writeFilter(example);
  go({ page: 'traffic' });
}
