// Owns the rewriting rules that hold: the file they lie in, read at the start and at a reload, taken up when somebody changes it, and written anew when the
// page does. A file with a problem changes nothing: the operator is told, and the rules stay as they were. It stays over reloads, with what its rules
// have touched.
import { randomBytes } from 'node:crypto';
import { readFile, realpath, rename, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { WatchedFiles } from '../config/watch-files.ts';
import { errorCode, shownCode } from '../errors/from-node.ts';
import { cannotRead, StartError } from '../errors/start-error.ts';
import { createRewriting, type Rejudge, type RewritingStages } from '../exchange/rewriting.ts';
import { compileMatch } from '../exchange/rewriting-subject.ts';
import type { PassingSubject } from '../flows/filter/verdict.ts';
import type { Deadlines } from '../net/deadlines.ts';
import { makePrivateFolder } from '../net/private-folder.ts';
import { formatProblem, type PolicyProblem } from '../policy/yaml-source.ts';
import { Breakpoints } from '../rewrite/breakpoints.ts';
import type { RewriteOptions } from '../rewrite/options.ts';
import { parseRules } from '../rewrite/parse-rules.ts';
import type { RewriteRule } from '../rewrite/rule.ts';

type Rule = RewriteRule<PassingSubject>;

/** A file as it was read, and as it was understood. */
interface RuleFile {
  /** `null`: there is none. */
  readonly file: string | null;
  readonly text: string;
  readonly rules: readonly Rule[];
  readonly problems: readonly PolicyProblem[];
}

export interface Touches {
  readonly count: number;
  /** Milliseconds since the epoch. */
  readonly lastMs: number;
}

export class Rewriting {
  readonly breakpoints = new Breakpoints<PassingSubject>();
  readonly compileMatch = compileMatch;
  /** Hears of each change of the rules, or of the file. */
  onChange: () => void = () => {};
  readonly #report: (line: string) => void;
  readonly #touches = new Map<string, Touches>();
  readonly #watched: WatchedFiles;
  #options: RewriteOptions | null = null;
  /** As it lies there. Its rules may not hold, when it has a problem. */
  #read: RuleFile = NOTHING;
  #rules: readonly Rule[] = [];
  /** One change after the other. */
  #turn: Promise<unknown> = Promise.resolve();

  /** @throws StartError with every problem */
  static async open(options: RewriteOptions | null, report: (line: string) => void): Promise<Rewriting> {
    const rewriting = new Rewriting(report);
    try {
      await rewriting.follow(options);
    } catch (error) {
      rewriting.close();
      throw error;
    }
    return rewriting;
  }

  private constructor(report: (line: string) => void) {
    this.#report = report;
    this.#watched = new WatchedFiles(() => void this.#inTurn(() => this.#takeUp()));
  }

  get rules(): readonly Rule[] {
    return this.#rules;
  }

  /** The file that is wanted, whether it is there or not; `null` where nothing can be kept. */
  get file(): string | null {
    return this.#options?.file ?? null;
  }

  get text(): string {
    return this.#read.text;
  }

  /** Why what lies in the file does not hold. */
  get problems(): readonly PolicyProblem[] {
    return this.#read.problems;
  }

  /** Since the start. */
  touches(rule: string): Touches | null {
    return this.#touches.get(rule) ?? null;
  }

  stages(rejudge: Rejudge, deadlines: Deadlines): RewritingStages {
    const touched = (rule: string) => {
      this.#touches.set(rule, { count: (this.#touches.get(rule)?.count ?? 0) + 1, lastMs: Date.now() });
    };
    return createRewriting({ rules: () => this.#rules, touched, breakpoints: this.breakpoints, deadlines }, rejudge);
  }

  /** The rules of this file hold from now on. @throws StartError with every problem, and those before hold on */
  follow(options: RewriteOptions | null): Promise<void> {
    return this.#inTurn(async () => {
      const readSinceMs = Date.now();
      const read = options === null ? NOTHING : await readRules(options);
      if (read.problems.length > 0) throw new StartError('data', read.problems.map(formatProblem));
      this.#options = options;
      this.#hold(read);
      await this.#watched.watch(options === null ? [] : [options.file], readSinceMs);
    });
  }

  /**
   * Writes the file anew.
   *
   * @param change  its text → the new one; `null` leaves it
   * @returns problems of the new text, which is not written then; else `null`
   * @throws StartError when it cannot be read or written
   */
  change(change: (text: string) => string | null): Promise<readonly PolicyProblem[] | null> {
    return this.#inTurn(async () => {
      const options = this.#options;
      if (options === null) throw new StartError('config', ['There is no file for rewriting rules: set rewrite or state_dir.']);
      const { text: before } = await readRules({ ...options, isNamed: false });
      const text = change(before);
      if (text === null || text === before) return null;
      const parsed = understood(options.file, text);
      if (parsed.problems.length > 0) return parsed.problems;
      await write(options.file, text);
      this.#hold(parsed);
      await this.#watched.catchUp();
      return null;
    });
  }

  /** Beside the rules, in a folder of its own: a file that rules answer with. @returns its path as rules name it */
  async keep(name: string, content: Uint8Array): Promise<string> {
    const { file } = this;
    if (file === null) throw new StartError('config', ['There is no file for rewriting rules: set rewrite or state_dir.']);
    makePrivateFolder(path.join(path.dirname(file), FILES));
    await writeFile(path.join(path.dirname(file), FILES, name), content, { mode: 0o600 });
    return `./${FILES}/${name}`;
  }

  close(): void {
    this.#watched.close();
  }

  /** Somebody has changed the file. */
  async #takeUp(): Promise<void> {
    if (this.#options === null) return;
    try {
      const read = await readRules(this.#options);
      if (read.text === this.#read.text) return;
      if (read.problems.length === 0) {
        this.#hold(read);
        this.#report(`rewriting rules taken up from ${this.#options.file}: ${read.rules.length}`);
        return;
      }
      this.#read = read;
      this.onChange();
      for (const problem of read.problems) this.#report(formatProblem(problem));
      this.#report('the rewriting rules stay as they were');
    } catch (error) {
      if (!(error instanceof StartError)) throw error;
      for (const problem of error.problems) this.#report(problem);
      this.#report('the rewriting rules stay as they were');
    }
  }

  #hold(read: RuleFile): void {
    this.#read = read;
    this.#rules = read.rules;
    this.onChange();
  }

  #inTurn<T>(act: () => Promise<T>): Promise<T> {
    const acted = this.#turn.then(act);
    this.#turn = acted.catch(() => {});
    return acted;
  }
}

/** A file of rules as `run` would read it. @returns how many there are @throws StartError with every problem */
export async function countRules(file: string): Promise<number> {
  const { rules, problems } = await readRules({ file, isNamed: true });
  if (problems.length > 0) throw new StartError('data', problems.map(formatProblem));
  return rules.length;
}

/** @throws StartError when it cannot be read */
async function readRules({ file, isNamed }: RewriteOptions): Promise<RuleFile> {
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch (error) {
    const isMissing = errorCode(error) === 'ENOENT';
    if (isMissing && !isNamed) return { ...NOTHING, file };
    throw cannotRead('the file of rewriting rules', file, error);
  }
  return understood(file, text);
}

function understood(file: string, text: string): RuleFile {
  const parsed = parseRules(text, file, compileMatch);
  return 'rules' in parsed ? { file, text, rules: parsed.rules, problems: [] } : { file, text, rules: [], problems: parsed.problems };
}

/** Whole or not at all; through a link, which stays one. @throws StartError */
async function write(file: string, text: string): Promise<void> {
  const target = await realpath(file).catch(() => file);
  const beside = `${target}.${randomBytes(4).toString('hex')}`;
  try {
    makePrivateFolder(path.dirname(target));
    await writeFile(beside, text, { mode: 0o600, flag: 'wx' });
    await rename(beside, target);
  } catch (error) {
    await rm(beside, { force: true });
    const code = shownCode(error);
    throw new StartError('unavailable', [`${file} cannot be written (${code}).`], { cause: error });
  }
}

const NOTHING: RuleFile = { file: null, text: '', rules: [], problems: [] };
const FILES = 'rewrite-files';
