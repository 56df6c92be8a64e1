// Owns the sentences at the bottom, read out as they come.
import { Icon } from '../icons.tsx';
import { dismiss, notices } from './actions.ts';

export function Notices() {
  return (
    <div class="notices" role="status" aria-live="polite">
      {notices.value.map(({ number, text, isProblem, action }) => (
        <div key={number} class={`notice ${isProblem ? 'is-problem' : ''}`}>
          <Icon name={isProblem ? 'failed' : 'check'} />
          <span>{text}</span>
          {action !== null && (
            <button
              type="button"
              class="link"
              onClick={() => {
                action.run();
                dismiss(number);
              }}
            >
              {action.label}
            </button>
          )}
          <button type="button" class="quiet" aria-label="Dismiss" onClick={() => dismiss(number)}>
            <Icon name="close" size={12} />
          </button>
        </div>
      ))}
    </div>
  );
}
