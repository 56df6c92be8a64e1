// Owns the page's beginning: sign-in, and the first drawing.
import { render } from 'preact';
import { getJson, isSignedIn } from './api.ts';
import { App } from './app.tsx';
import { connect } from './live.ts';
import { tradeCode } from './shell/sign-in.tsx';
import { status } from './status.ts';
import type { Status } from './wire.ts';

render(<App />, document.getElementById('app')!);

/** Asks for the status with whatever cookie there is; the answer says whether that was enough. */
async function open(): Promise<void> {
  await tradeCode();
  try {
    status.value = await getJson<Status>('/api/status');
  } catch {
    isSignedIn.value ??= false;
  }
}

isSignedIn.subscribe((isIn) => {
  if (isIn === true) connectOnce();
});

let isConnected = false;

function connectOnce(): void {
  if (isConnected) return;
  isConnected = true;
  connect();
}

// A new link that is opened in this very tab changes nothing but the fragment.
addEventListener('hashchange', () => void tradeCode());
void open();
