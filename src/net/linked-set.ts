// Owns the membership of things that come and go by the thousand a second: connections, tunnels, deadlines. Members carry their own links,
// so adding and removing allocate nothing, and what has left refers to nobody.
// Why not a Set: each time its table has filled up with the departed, it moves to a new one. The old table lies in the old generation and
// names its last members still, so they and all they refer to outlive every minor collection. For short connections that was a third of the work.

/** What a member brings along: null links of its own. It belongs to one set at most, and only that set writes them. */
export interface Linked<Member> {
  previous: Member | null;
  next: Member | null;
}

export class LinkedSet<Member extends Linked<Member>> {
  #first: Member | null = null;
  #last: Member | null = null;
  #size = 0;

  get size(): number {
    return this.#size;
  }

  /** The one that has been here longest. */
  get first(): Member | null {
    return this.#first;
  }

  /** @param member is in no set */
  add(member: Member): void {
    const last = this.#last;
    member.previous = last;
    member.next = null;
    if (last === null) this.#first = member;
    else last.next = member;
    this.#last = member;
    this.#size += 1;
  }

  /** @param member is in this set, or in none: then nothing happens */
  delete(member: Member): void {
    const { previous, next } = member;
    if (previous === null && this.#first !== member) return;
    if (previous === null) this.#first = next;
    else previous.next = next;
    if (next === null) this.#last = previous;
    else next.previous = previous;
    member.previous = null;
    member.next = null;
    this.#size -= 1;
  }

  /** The members of this moment, in the order they came; they may leave meanwhile. */
  *[Symbol.iterator](): Generator<Member> {
    const members: Member[] = [];
    for (let member = this.#first; member !== null; member = member.next) members.push(member);
    yield* members;
  }
}
