// Owns the thread of the store, from its start to its end: batches are written in the order in which they come, questions answered in between. It is started
// by flow-store.ts with `StoreSettings`.
import { parentPort, workerData } from 'node:worker_threads';
import { reasonOf } from '../../cache/stores/storing-pause.ts';
import { isDamage } from '../../errors/from-sqlite.ts';
import { makePrivateFolder } from '../../net/private-folder.ts';
import { Answers } from './answers.ts';
import { LiveViews } from './live-views.ts';
import type { FromStore, Question, StoreSettings, StoreStatus, ToStore } from './protocol.ts';
import { Recording } from './recording.ts';
import { searchableText } from './searchable-text.ts';
import { NotSuchFile } from './session-file.ts';
import { Refused, Sessions } from './sessions.ts';
import { Showing } from './showing.ts';
import { Slices } from './slices.ts';

const port = parentPort!;
const settings = workerData as StoreSettings;
const slices = new Slices();
const showing = new Showing();

function say(message: FromStore, transfer: ArrayBuffer[] = []): void {
  port.postMessage(message, transfer);
}

function open(): Sessions | null {
  const { folder, session, maxBytes, maxAgeMs, segmentBytes = SEGMENT_BYTES } = settings;
  try {
    makePrivateFolder(folder);
    // Retention goes by whole segments: with less than eight it would keep too little.
    return Sessions.open(folder, session, { maxBytes, maxAgeMs, segmentBytes: Math.min(segmentBytes, Math.ceil(maxBytes / 8)) }, slices);
  } catch (error) {
    const problem =
      error instanceof Refused
        ? error.message
        : `${folder} cannot keep what is recorded (${reasonOf(error)}). Let this user write there, choose another state folder, or record nothing (record: off).`;
    say({ kind: 'failed', problems: [problem] });
    return null;
  }
}

function serve(sessions: Sessions): void {
  const recording = new Recording((line) => {
    say({ kind: 'report', line });
    pushStatus();
  });
  const views = new LiveViews(sessions.recorded, (push) => say({ kind: 'push', push }));
  const status = (): StoreStatus => statusOf(sessions, recording);
  const pushStatus = (): void => say({ kind: 'push', push: { kind: 'status', ...status() } });
  const answers = new Answers({ sessions, views, slices, showing, decode: searchableText, status, sessionChanged: pushStatus });
  const pruning = new Pruning(sessions);

  const answer = async (number: number, question: Question): Promise<void> => {
    try {
      say({ kind: 'answer', number, answer: await answers.answer(question) });
    } catch (error) {
      say({ kind: 'refused', number, message: sentenceOf(error, sessions) });
    }
  };

  say({ kind: 'opened', base: sessions.recorded.lastId, session: sessions.recorded.name });
  if (sessions.recorded.name !== settings.session)
    say({
      kind: 'report',
      line: `inspector: another process records into the session ${settings.session}; this one records into ${sessions.recorded.name}`,
    });
  port.on('message', (message: ToStore) => {
    switch (message.kind) {
      case 'batch':
        recording.take(sessions.recorded, message.buffer, message.used);
        say({ kind: 'freed', buffer: message.buffer, used: message.used }, [message.buffer]);
        pruning.after(message.used);
        return;
      case 'question':
        void answer(message.number, message.question);
        return;
      case 'close':
        pruning.close();
        views.closeAll();
        showing.close();
        sessions.close();
        port.close();
        return;
      default:
        message satisfies never;
    }
  });
}

/** Makes room now and then, in slices; at once where more comes than that can make room for. */
class Pruning {
  readonly #sessions: Sessions;
  readonly #timer: NodeJS.Timeout;
  readonly #othersTimer: NodeJS.Timeout;
  #bytes = 0;
  #work: Generator<void> | null = null;

  constructor(sessions: Sessions) {
    this.#sessions = sessions;
    this.#timer = setInterval(() => this.#prune(), PRUNE_EVERY_MS);
    this.#othersTimer = setInterval(() => this.#pruneOthers(), PRUNE_OTHERS_EVERY_MS);
    this.#prune();
    this.#pruneOthers();
  }

  after(bytes: number): void {
    this.#bytes += bytes;
    if (this.#bytes < Math.min(PRUNE_AFTER_BYTES, settings.maxBytes / 64)) return;
    this.#prune();
    const isFarTooMuch = this.#sessions.recorded.bytes > settings.maxBytes * 1.125;
    for (const work = this.#work; isFarTooMuch && work !== null && !stepIn(work); );
  }

  close(): void {
    clearInterval(this.#timer);
    clearInterval(this.#othersTimer);
  }

  #pruneOthers(): void {
    slices.run(stepsOf(this.#sessions.pruneUnnamed(Date.now()))).done.catch(() => {});
  }

  #prune(): void {
    this.#bytes = 0;
    if (this.#work !== null) return;
    const work = this.#sessions.recorded.prune(Date.now());
    this.#work = work;
    const done = (): void => {
      this.#work = null;
    };
    slices.run(stepsOf(work)).done.then(done, done);
  }
}

/** What can not be removed now is tried again. @returns whether it has come to its end */
function stepIn(work: Generator<void>): boolean {
  try {
    return work.next().done === true;
  } catch {
    return true;
  }
}

function* stepsOf(work: Generator<void>): Generator<void> {
  while (!stepIn(work)) yield;
}

function statusOf({ recorded }: Sessions, { problem, lost }: Recording): StoreStatus {
  const { name, exchanges, bytes, segments, damaged } = recorded;
  return { session: name, problem, exchanges, bytes, maxBytes: settings.maxBytes, segments, damaged, lost };
}

/** For whoever asked. */
function sentenceOf(error: unknown, sessions: Sessions): string {
  if (error instanceof Refused || error instanceof NotSuchFile) return error.message;
  if (!isDamage(error)) return `What was recorded cannot be read (${reasonOf(error)}).`;
  sessions.recorded.repairNow();
  return 'The index of what was recorded was damaged and has been made again; ask again.';
}

const SEGMENT_BYTES = 64 << 20;
const PRUNE_EVERY_MS = 60_000;
const PRUNE_OTHERS_EVERY_MS = 3_600_000;
const PRUNE_AFTER_BYTES = 8 << 20;

const opened = open();
if (opened !== null) serve(opened);
