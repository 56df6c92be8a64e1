// Owns what a command is, and reading its arguments: words → flags and operands, or one sentence about the first word that does not fit.
import { parseArgs } from 'node:util';
import { didYouMean } from '../errors/nearest.ts';
import { StartError } from '../errors/start-error.ts';
import type { Terminal } from './terminal.ts';

export interface Flag {
  /** What its value is called in the help; `null` when it takes none. */
  readonly value: string | null;
  readonly repeats?: boolean;
  /** One letter: `H` for -H. */
  readonly short?: string;
  readonly text: string;
}

export interface Command {
  /** `run`, `policy check` */
  readonly name: string;
  readonly summary: string;
  /** As the usage line shows them: `METHOD URL`, `[FILE...]`. */
  readonly operands: string;
  readonly leastOperands: number;
  readonly mostOperands: number;
  readonly flags: Readonly<Record<string, Flag>>;
  /** Takes the command line of another program, after `--`. */
  readonly mayHaveCommand?: boolean;
  /** Paragraphs of the help. */
  readonly details: readonly string[];
  /** What to type, and what it does. */
  readonly examples: readonly (readonly [string, string])[];
  /** @returns the exit code @throws StartError for what an operator can put right */
  perform(given: Arguments, terminal: Terminal): Promise<number>;
}

export interface Arguments {
  readonly operands: readonly string[];
  /** A flag's values in order; `['']` for one that takes none. */
  readonly flags: ReadonlyMap<string, readonly string[]>;
  /** What follows `--`, at least one word; `null` where there is no `--`, or it means nothing here. */
  readonly command: readonly string[] | null;
}

/** @throws StartError `usage` */
export function parseArguments(command: Command, given: readonly string[]): Arguments {
  const end = command.mayHaveCommand ? given.indexOf('--') : -1;
  const words = end < 0 ? given : given.slice(0, end);
  const other = end < 0 ? null : given.slice(end + 1);
  const options = Object.fromEntries(
    Object.entries(command.flags).map(([name, { value, short }]) => [
      name,
      { type: value === null ? ('boolean' as const) : ('string' as const), ...(short !== undefined && { short }) },
    ]),
  );
  // Not strict: the tokens are judged here, for sentences that name the flag, the place of help and the nearest known flag.
  const { tokens } = parseArgs({ args: [...words], options, strict: false, allowPositionals: true, tokens: true });
  const operands: string[] = [];
  const flags = new Map<string, string[]>();
  for (const token of tokens) {
    if (token.kind === 'positional') operands.push(token.value);
    if (token.kind !== 'option') continue;
    const values = flags.get(token.name) ?? [];
    values.push(flagValue(command, token));
    flags.set(token.name, values);
    if (values.length > 1 && !command.flags[token.name]?.repeats) throw misuse(command, `${token.rawName} may be given once.`);
  }
  if (operands.length < command.leastOperands) throw misuse(command, `expected ${command.operands}.`);
  if (operands.length > command.mostOperands) {
    const remedy = command.mayHaveCommand ? ' A command stands after --.' : '';
    throw misuse(command, `"${operands[command.mostOperands]}" is one word too many.${remedy}`);
  }
  if (other?.length === 0) throw misuse(command, 'expected a command after --.');
  return { operands, flags, command: other };
}

interface OptionToken {
  readonly name: string;
  readonly rawName: string;
  readonly value: string | undefined;
  readonly inlineValue: boolean | undefined;
}

function flagValue(command: Command, { name, rawName, value, inlineValue }: OptionToken): string {
  const flag = Object.hasOwn(command.flags, name) ? command.flags[name] : undefined;
  if (flag === undefined) {
    const known = Object.keys(command.flags).map((each) => `--${each}`);
    throw misuse(command, `unknown flag ${rawName}.${didYouMean(rawName, known, '--')}`);
  }
  if (flag.value === null) {
    if (value !== undefined) throw misuse(command, `${rawName} takes no value.`);
    return '';
  }
  // `--listen --policy FILE` is a forgotten value; one that does begin with a dash is written --flag=-value.
  if (value === undefined || value === '' || (!inlineValue && value.length > 1 && value.startsWith('-'))) {
    throw misuse(command, `${rawName} needs a value: ${rawName} ${flag.value}.`);
  }
  return value;
}

function misuse(command: Command, problem: string): StartError {
  return new StartError('usage', [`${problem} See sallyport ${command.name} --help.`]);
}
