// Owns which sockets are this proxy itself, and so no destination: those that it listens on, and those of the other processes that it runs as.
import { createOwnSockets, type ListeningSocket, type OwnSockets } from '../policy/address-guard.ts';
import type { SharedParts } from './shared-parts.ts';
import { createLocalAddresses } from './this-machine.ts';

export class NotedSockets {
  readonly #shared: SharedParts | null;
  readonly #localAddresses = createLocalAddresses();
  #here: readonly ListeningSocket[] = [];
  #all: OwnSockets = createOwnSockets([], () => []);

  constructor(shared: SharedParts | null) {
    this.#shared = shared;
  }

  /** Asked for every address that is dialled. */
  get all(): OwnSockets {
    return this.#all;
  }

  /** This process listens on these from now on, and on no others. */
  note(here: readonly ListeningSocket[]): void {
    this.#here = here;
    this.#renew();
    this.#shared?.tellSockets(here);
  }

  /** From now on the other processes tell of theirs. */
  hearOthers(): void {
    if (this.#shared !== null) this.#shared.onSockets = () => this.#renew();
  }

  #renew(): void {
    this.#all = createOwnSockets([...this.#here, ...(this.#shared?.otherSockets ?? [])], this.#localAddresses);
  }
}
