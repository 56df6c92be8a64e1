import { expect, test } from 'vitest';
import { nextTunnelState, type TunnelEvent, type TunnelState } from '../../../src/tunnel/state.ts';

test.for<[string, readonly TunnelEvent[], TunnelState]>([
  ['nothing has ended', [], 'relaying'],
  ['the client has ended: the upstream may go on', ['client-end'], 'client-ended'],
  ['the upstream has ended: the client may go on', ['upstream-end'], 'upstream-ended'],
  ['both have, the client first', ['client-end', 'upstream-end'], 'closed'],
  ['both have, the upstream first', ['upstream-end', 'client-end'], 'closed'],
  ['one side ends twice', ['client-end', 'client-end'], 'client-ended'],
  ['a failure at any time', ['failure'], 'closed'],
  ['a failure after one end', ['upstream-end', 'failure'], 'closed'],
  ['whatever is heard after the close', ['failure', 'client-end', 'upstream-end', 'failure'], 'closed'],
])('%s', ([, events, state]) => {
  expect(events.reduce(nextTunnelState, 'relaying')).toBe(state);
});
