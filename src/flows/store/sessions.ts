// Owns the folder in which the sessions lie: their names, which of them are open, and making, copying, sharing and removing them. A session is a folder
// of its name, this user's alone. One is recorded into; others are opened when they are asked for, a few at a time, and only read, but for putting in
// order what a crash left. None is open twice (session-lock.ts).
import { randomBytes } from 'node:crypto';
import { copyFileSync, linkSync, mkdirSync, readdirSync, renameSync, rmSync, statSync } from 'node:fs';
import path from 'node:path';
import type { FileLock } from '../../net/file-lock.ts';
import { makePrivateFolder } from '../../net/private-folder.ts';
import { FlowSession, type SessionBounds } from './flow-session.ts';
import type { Masking } from './mask-record.ts';
import type { SessionFacts } from './protocol.ts';
import { exportSession, importSession } from './session-file.ts';
import { lockSession } from './session-lock.ts';
import type { Slices } from './slices.ts';
import { fateOf, isUnnamed, unlessGone, unnamedSessions } from './unnamed-sessions.ts';

interface Opened {
  readonly session: FlowSession;
  readonly lock: FileLock;
}

/** A sentence for people. */
export class Refused extends Error {}

export class Sessions {
  readonly #folder: string;
  readonly #bounds: SessionBounds;
  readonly #slices: Slices;
  /** By name; the latest asked for last. The one that is recorded into is not here. */
  readonly #others = new Map<string, Opened>();
  readonly #opening = new Map<string, Promise<Opened>>();
  /** Room is being made in it. */
  #pruned: string | null = null;
  #recorded: Opened;

  private constructor(folder: string, bounds: SessionBounds, slices: Slices, recorded: Opened) {
    this.#folder = folder;
    this.#bounds = bounds;
    this.#slices = slices;
    this.#recorded = recorded;
  }

  /**
   * Opens the session that is recorded into. Where somebody else has it, the next free one of `name-2`, `name-3`, … is.
   *
   * @throws errors of Node's and of SQLite's; Refused when all are taken
   */
  static open(folder: string, name: string, bounds: SessionBounds, slices: Slices): Sessions {
    removeUnfinished(folder);
    for (let number = 1; number <= MOST_BESIDE; number += 1) {
      const place = path.join(folder, checked(number === 1 ? name : `${name}-${number}`));
      makePrivateFolder(place);
      const lock = lockSession(place);
      if (lock === null) continue;
      try {
        return new Sessions(folder, bounds, slices, { session: atOnce(FlowSession.open(place, bounds)), lock });
      } catch (error) {
        lock.release();
        throw error;
      }
    }
    throw new Refused(
      `${MOST_BESIDE} sessions of the name ${name} are in use. Choose another name, or stop some of the proxies that record.`,
    );
  }

  get recorded(): FlowSession {
    return this.#recorded.session;
  }

  /** @param name the one that is recorded into, where it is left out */
  async find(name: string | undefined): Promise<FlowSession> {
    if (name === undefined || name === this.recorded.name) return this.recorded;
    return (await this.#open(name)).session;
  }

  list(): SessionFacts[] {
    const names = readdirSync(this.#folder, { withFileTypes: true }).filter((entry) => entry.isDirectory() && NAME.test(entry.name));
    return names.flatMap(({ name }) => unlessGone(() => this.#factsOf(name)) ?? []).sort((a, b) => b.changedAtMs - a.changedAtMs);
  }

  /** Records into a new session from now on; the one before stays open as another. */
  begin(name: string): void {
    const place = this.#newFolder(name);
    const before = this.#recorded;
    const lock = this.#lock(name, place);
    const session = atOnce(FlowSession.open(place, this.#bounds));
    session.goOnFrom(before.session.lastId);
    this.#recorded = { session, lock };
    before.session.endInterrupted();
    this.#keepOpen(before);
  }

  /** The index is made of the segments when the copy is opened first. */
  async save(from: string | undefined, name: string): Promise<void> {
    const source = await this.find(from);
    const free = (): string => {
      if (this.#exists(name)) throw taken(name);
      return name;
    };
    await this.#build(free, async (place) => {
      for (const { path: file, name: segment, isLast } of source.files()) {
        const copy = path.join(place, segment);
        // One that is full never changes.
        if (isLast) copyFileSync(file, copy);
        else linkOrCopy(file, copy);
      }
    });
  }

  rename(from: string, name: string): void {
    const place = this.#notRecorded(from);
    const target = path.join(this.#folder, checked(name));
    if (statSync(target, { throwIfNoEntry: false }) !== undefined) throw taken(name);
    this.#exclusively(from, place, () => renameSync(place, target));
  }

  remove(name: string): void {
    const place = this.#notRecorded(name);
    this.#exclusively(name, place, () => this.#discard(place));
  }

  /** Holds those that nobody has named to the bounds, other than the one that is recorded into: in steps. */
  *pruneUnnamed(nowMs: number): Generator<void> {
    let left = this.#bounds.maxBytes - (isUnnamed(this.recorded.name) ? this.recorded.bytes : 0);
    for (const session of unnamedSessions(this.#folder)) {
      const { name, bytes } = session;
      if (name === this.recorded.name) continue;
      const maxBytes = left;
      const fate = fateOf(session, this.#bounds, maxBytes, nowMs);
      if (fate !== 'goes') left -= bytes;
      // Somebody who looks at it is spared until the next time.
      if (fate === 'stays' || this.#others.has(name) || this.#opening.has(name)) continue;
      const place = path.join(this.#folder, name);
      const lock = unlessGone(() => lockSession(place));
      if (lock === null) continue;
      this.#pruned = name;
      try {
        if (fate === 'goes') this.#discard(place);
        else yield* shrunk(place, { ...this.#bounds, maxBytes }, nowMs);
      } finally {
        this.#pruned = null;
        lock.release();
      }
    }
  }

  /** @returns octets of the file */
  async exportTo(name: string | undefined, file: string, masking: Masking | null): Promise<number> {
    return await exportSession(await this.find(name), file, masking);
  }

  /** @returns the name that it has got */
  async importFrom(file: string, wanted: string): Promise<FlowSession> {
    const free = (): string => {
      let name = checked(wanted);
      for (let number = 2; this.#exists(name); number += 1) name = checked(`${wanted}-${number}`);
      return name;
    };
    const name = await this.#build(free, async (place) => {
      const session = atOnce(FlowSession.open(place, this.#bounds));
      try {
        await importSession(session, file, this.#bounds.maxBytes);
      } finally {
        session.close();
      }
    });
    return await this.find(name);
  }

  /** One that is not recorded into, made where it is missing. */
  async findToAppend(name: string): Promise<FlowSession> {
    if (name === this.recorded.name) throw new Refused(`${name} is being recorded into. Import into another session.`);
    if (!this.#exists(name)) this.#newFolder(name);
    return await this.find(name);
  }

  close(): void {
    for (const name of [...this.#others.keys()]) this.#close(name);
    this.recorded.close();
    this.#recorded.lock.release();
  }

  #factsOf(name: string): SessionFacts {
    const place = path.join(this.#folder, name);
    const files = readdirSync(place).map((file) => statSync(path.join(place, file), { throwIfNoEntry: false }));
    const isRecorded = name === this.recorded.name;
    const open = isRecorded ? this.#recorded : this.#others.get(name);
    return {
      name,
      isRecorded,
      isElsewhere: open === undefined && !this.#opening.has(name) && this.#isElsewhere(place),
      bytes: files.reduce((sum, file) => sum + (file?.size ?? 0), 0),
      changedAtMs: Math.max(statSync(place).mtimeMs, ...files.map((file) => file?.mtimeMs ?? 0)),
      exchanges: open?.session.exchanges ?? null,
    };
  }

  #isElsewhere(place: string): boolean {
    const lock = lockSession(place);
    lock?.release();
    return lock === null;
  }

  async #open(name: string): Promise<Opened> {
    const open = this.#others.get(name);
    if (open !== undefined) {
      this.#others.delete(name);
      this.#others.set(name, open);
      return open;
    }
    let opening = this.#opening.get(name);
    if (opening === undefined) {
      opening = this.#openNow(name).finally(() => this.#opening.delete(name));
      this.#opening.set(name, opening);
    }
    return await opening;
  }

  async #openNow(name: string): Promise<Opened> {
    const place = path.join(this.#folder, checked(name));
    if (!this.#exists(name)) throw new Refused(`There is no session of the name ${name}.`);
    const lock = this.#lock(name, place);
    try {
      const session = await this.#slices.run(FlowSession.open(place, this.#bounds)).done;
      const opened = { session, lock };
      this.#keepOpen(opened);
      return opened;
    } catch (error) {
      lock.release();
      throw error;
    }
  }

  #keepOpen(opened: Opened): void {
    this.#others.set(opened.session.name, opened);
    for (const [name, { session }] of this.#others) {
      if (this.#others.size <= MOST_OPEN) return;
      if (session.listeners.size === 0 && session !== opened.session) this.#close(name);
    }
  }

  #close(name: string): void {
    const opened = this.#others.get(name);
    if (opened === undefined) return;
    this.#others.delete(name);
    opened.session.close();
    opened.lock.release();
  }

  /**
   * @param free a name that nobody has; asked once more when all is there, since others go on meanwhile
   * @param fill makes it in a folder that nobody sees before it is whole
   * @returns the name that it has got
   */
  async #build(free: () => string, fill: (place: string) => Promise<void>): Promise<string> {
    free();
    const temporary = this.#hidden();
    mkdirSync(temporary, { mode: 0o700 });
    const lock = lockSession(temporary);
    try {
      await fill(temporary);
      const name = free();
      renameSync(temporary, path.join(this.#folder, name));
      return name;
    } finally {
      lock?.release();
      rmSync(temporary, { recursive: true, force: true });
    }
  }

  /** Out of sight first: half of a session would be one, should the process end within. */
  #discard(place: string): void {
    const hidden = this.#hidden();
    renameSync(place, hidden);
    rmSync(hidden, { recursive: true, force: true });
  }

  #hidden(): string {
    return path.join(this.#folder, `.${randomBytes(8).toString('hex')}`);
  }

  #newFolder(name: string): string {
    if (this.#exists(checked(name))) throw taken(name);
    const place = path.join(this.#folder, name);
    mkdirSync(place, { mode: 0o700 });
    return place;
  }

  #exists(name: string): boolean {
    return statSync(path.join(this.#folder, checked(name)), { throwIfNoEntry: false }) !== undefined;
  }

  #notRecorded(name: string): string {
    if (name === this.recorded.name) throw new Refused(`${name} is being recorded into. Begin another session first.`);
    if (!this.#exists(name)) throw new Refused(`There is no session of the name ${name}.`);
    return path.join(this.#folder, name);
  }

  #exclusively(name: string, place: string, work: () => void): void {
    if (this.#opening.has(name)) throw new Refused(`${name} is being opened; try again in a moment.`);
    this.#close(name);
    const lock = this.#lock(name, place);
    try {
      work();
    } finally {
      lock.release();
    }
  }

  #lock(name: string, place: string): FileLock {
    if (name === this.#pruned) throw new Refused(`Room is being made in ${name}; try again in a moment.`);
    const lock = lockSession(place);
    if (lock === null) throw new Refused(`Another process has the session ${name} open. Ask it there, or stop that process.`);
    return lock;
  }
}

function taken(name: string): Refused {
  return new Refused(`There is a session of the name ${name} already.`);
}

/** @throws Refused what is no name of a folder, and of nothing else */
function checked(name: string): string {
  if (!NAME.test(name))
    throw new Refused(
      `${JSON.stringify(name)} is no name for a session: letters, digits, blanks, dots, dashes and underlines, at most 64.`,
    );
  return name;
}

/** What was being built, or removed, when a process ended. Somebody else may be building now: they have the lock, or have only just begun. */
function removeUnfinished(folder: string): void {
  for (const name of readdirSync(folder)) {
    const place = path.join(folder, name);
    const found = UNFINISHED.test(name) ? statSync(place, { throwIfNoEntry: false }) : undefined;
    if (found === undefined || found.mtimeMs > Date.now() - JUST_BEGUN_MS) continue;
    const lock = unlessGone(() => lockSession(place));
    if (lock === null) continue;
    rmSync(place, { recursive: true, force: true });
    lock.release();
  }
}

function* shrunk(place: string, bounds: SessionBounds, nowMs: number): Generator<void> {
  const session = yield* FlowSession.open(place, bounds);
  try {
    yield* session.prune(nowMs);
  } finally {
    session.close();
  }
}

function linkOrCopy(file: string, copy: string): void {
  try {
    linkSync(file, copy);
  } catch {
    copyFileSync(file, copy);
  }
}

function atOnce<T>(work: Generator<void, T>): T {
  for (;;) {
    const { done, value } = work.next();
    if (done === true) return value;
  }
}

const NAME = /^[A-Za-z0-9_][A-Za-z0-9_ .-]{0,63}$/;
const UNFINISHED = /^\.[0-9a-f]{16}$/;
const JUST_BEGUN_MS = 10_000;
const MOST_BESIDE = 20;
const MOST_OPEN = 3;
