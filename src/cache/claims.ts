// Owns which process fetches a key, where several share one store: the first to claim it; others wait until it lets go. It is the table of the one process
// that all ask (the keeper); who claims is an object of its caller. No clock: whoever waits has patience of its own.

/** How whoever fetched a key has let go of it: what came is stored, or not for sharing; or neither is known yet, or ever will be of that fetch. */
export type LetGo = 'settled' | 'unsettled';

interface Held<Holder> {
  readonly holder: Holder;
  /** How often it was given to its holder, who may fetch anew what an invalidation has outdated. */
  times: number;
  readonly waiters: { readonly member: Holder; readonly resolve: (how: LetGo) => void }[];
}

export class Claims<Holder> {
  readonly #held = new Map<string, Held<Holder>>();
  readonly #wanted: (holder: Holder, key: string) => void;

  /** @param wanted  told once for a claim: somebody waits for its end */
  constructor(wanted: (holder: Holder, key: string) => void) {
    this.#wanted = wanted;
  }

  get size(): number {
    return this.#held.size;
  }

  /** @returns true: it fetches, and releases in the end; later how whoever did has let go */
  claim(key: string, member: Holder): true | Promise<LetGo> {
    const held = this.#held.get(key);
    if (held === undefined) {
      this.#held.set(key, { holder: member, times: 1, waiters: [] });
      return true;
    }
    if (held.holder === member) {
      held.times += 1;
      return true;
    }
    if (held.waiters.length === 0) this.#wanted(held.holder, key);
    return new Promise((resolve) => held.waiters.push({ member, resolve }));
  }

  /** Does nothing where it is another's. */
  release(key: string, member: Holder, how: LetGo): void {
    const held = this.#held.get(key);
    if (held?.holder !== member) return;
    held.times -= 1;
    if (held.times === 0) this.#free(key, held, how);
  }

  /** It is gone: what it fetched will not come. */
  left(member: Holder): void {
    for (const [key, held] of [...this.#held]) if (held.holder === member) this.#free(key, held, 'unsettled');
  }

  #free(key: string, { waiters }: Held<Holder>, how: LetGo): void {
    this.#held.delete(key);
    for (const { resolve } of waiters) resolve(how);
  }
}
