// Owns how a tunnel ends (RFC 9110 §9.3.6): each direction on its own, so that half-close is carried through.

export type TunnelState = 'relaying' | 'client-ended' | 'upstream-ended' | 'closed';
export type TunnelEvent = 'client-end' | 'upstream-end' | 'failure';

const TRANSITIONS: Readonly<Record<TunnelState, Readonly<Partial<Record<TunnelEvent, TunnelState>>>>> = {
  relaying: { 'client-end': 'client-ended', 'upstream-end': 'upstream-ended', failure: 'closed' },
  'client-ended': { 'upstream-end': 'closed', failure: 'closed' },
  'upstream-ended': { 'client-end': 'closed', failure: 'closed' },
  closed: {},
};

/** The next state; the same one when the event means nothing there. */
export function nextTunnelState(state: TunnelState, event: TunnelEvent): TunnelState {
  return TRANSITIONS[state][event] ?? state;
}
