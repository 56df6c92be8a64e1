// Owns how somebody gets in: the code in the fragment of the link that the proxy prints, traded once for a cookie, and what to do without one.
import { signal } from '@preact/signals';
import { isSignedIn, problemText, signIn } from '../api.ts';
import { Mark } from '../icons.tsx';
import { copyText } from './actions.ts';

/** Why the link did not do. */
const problem = signal<string | null>(null);

/** Takes the code out of the address, where it would stay in the history, before it is used. @returns whether there was one */
export async function tradeCode(): Promise<boolean> {
  const code = /^#open=([\w-]+)$/.exec(location.hash)?.[1];
  if (code === undefined) return false;
  history.replaceState(null, '', '#/traffic');
  try {
    await signIn(code);
  } catch (error) {
    problem.value = problemText(error);
    isSignedIn.value = false;
  }
  return true;
}

export function SignInPage() {
  return (
    <main class="sign-in">
      <Mark size={56} />
      <h1>This inspector opens with a link</h1>
      {problem.value !== null && (
        <p class="sign-in-problem" role="alert">
          {problem.value}
        </p>
      )}
      <p>
        What passes through the proxy is for its user alone. In a terminal on this machine, run the command below and open the link that it
        prints. A link works once; this browser then stays signed in until the proxy stops.
      </p>
      <div class="command-line">
        <code>sallyport inspector</code>
        <button type="button" onClick={() => void copyText('sallyport inspector', 'the command')}>
          Copy
        </button>
      </div>
      <p class="soft">
        In a clone of its repository the command is <code>npm run -s sallyport -- inspector</code>. The proxy prints such a link when it
        starts, too, in the line that begins with “inspector”.
      </p>
    </main>
  );
}
