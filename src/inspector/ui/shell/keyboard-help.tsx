// Owns the list of keys that `?` shows.
import { KEYS } from '../keyboard.ts';
import { Dialog, showDialog } from './dialog.tsx';

export function showKeyboardHelp(): void {
  showDialog(() => (
    <Dialog title="Keyboard">
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
    </Dialog>
  ));
}
