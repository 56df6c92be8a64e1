// Owns the end of a connection that has not said all it should: by a reset (RST), so that the peer cannot take what it has for the whole.

import { type Corkable, releaseNow } from './turn-writes.ts';

/** The part of a socket that is needed here. */
export interface BreakableSocket extends Corkable {
  readonly destroyed: boolean;
  readonly writableEnded: boolean;
  readonly writableLength: number;
  destroy(): unknown;
  resetAndDestroy(): unknown;
}

/** Ends a connection at once, behind what was written so far. A peer that has been sent everything and a FIN is spared the reset. */
export function breakOff(socket: BreakableSocket): void {
  if (socket.destroyed) return;
  releaseNow(socket);
  // With its FIN under way the system refuses a reset, and Node would leave the socket open for good.
  if (socket.writableEnded && socket.writableLength === 0) {
    socket.destroy();
    return;
  }
  try {
    socket.resetAndDestroy();
  } catch {
    // TLS has no reset, but what it runs on may have; Unix sockets have none at all. Node throws instead of doing what is left to do.
    const { _parent: transport } = socket as { readonly _parent?: BreakableSocket | null };
    if (transport) breakOff(transport);
    socket.destroy();
  }
}
