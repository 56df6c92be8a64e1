// Owns which command the words of a command line mean, its help, and how a failure becomes an exit code.
// What an operator can put right is one line a problem, never a stack; anything else is a defect of ours and says so.
import { didYouMean } from '../errors/nearest.ts';
import { StartError } from '../errors/start-error.ts';
import { describeDefect } from '../proxy/defects.ts';
import { type Command, parseArguments } from './command.ts';
import { COMMANDS } from './commands.ts';
import { EXIT_DIFFERENT, EXIT_INTERNAL, EXIT_OF_KIND, EXIT_OK, EXIT_USAGE, NotThere } from './exit-codes.ts';
import { commandHelp, groupHelp, programHelp } from './help.ts';
import { processTerminal, type Terminal } from './terminal.ts';

/** @param words of the command line, without the program @returns the exit code @throws never */
export async function main(words: readonly string[], terminal: Terminal = processTerminal()): Promise<number> {
  try {
    return await perform(words, terminal);
  } catch (error) {
    if (error instanceof NotThere) {
      terminal.report(error.message);
      return EXIT_DIFFERENT;
    }
    if (!(error instanceof StartError)) {
      terminal.report(describeDefect(error));
      return EXIT_INTERNAL;
    }
    for (const problem of error.problems) terminal.report(problem);
    return EXIT_OF_KIND[error.kind];
  }
}

async function perform(words: readonly string[], terminal: Terminal): Promise<number> {
  const [first] = words;
  if (first === undefined) {
    // As with git and npm: the help is shown, and a script that forgot the command still fails.
    terminal.print(programHelp(COMMANDS));
    return EXIT_USAGE;
  }
  if (HELP_WORDS.has(first)) return help(words.slice(1), terminal);
  if (first === '--version') return perform(['version', ...words.slice(1)], terminal);

  const command = commandNamed(words);
  if (command === undefined) return incomplete(words, terminal);
  const rest = words.slice(command.name.split(' ').length);
  const end = rest.indexOf('--');
  if ((end < 0 ? rest : rest.slice(0, end)).some(isHelpFlag)) return help([command.name], terminal);
  return await command.perform(parseArguments(command, rest), terminal);
}

/** A group's own help, or what is wrong with words that name no command. */
function incomplete(words: readonly string[], terminal: Terminal): number {
  const [first = '', second] = words;
  const group = groupNamed(first);
  if (group.length > 0 && (second === undefined || isHelpFlag(second))) {
    terminal.print(groupHelp(first, group));
    return second === undefined ? EXIT_USAGE : EXIT_OK;
  }
  if (first.startsWith('-'))
    throw new StartError('usage', [`${first} stands before the command: write sallyport COMMAND ${first}. See sallyport --help.`]);
  throw unknownCommand(group.length > 0 ? `${first} ${second}` : first);
}

function help(words: readonly string[], terminal: Terminal): number {
  const name = words.filter((word) => !isHelpFlag(word)).join(' ');
  const command = COMMANDS.find((each) => each.name === name);
  const group = groupNamed(name);
  if (name !== '' && command === undefined && group.length === 0) throw unknownCommand(name);
  if (command !== undefined) terminal.print(commandHelp(command));
  else terminal.print(group.length > 0 ? groupHelp(name, group) : programHelp(COMMANDS));
  return EXIT_OK;
}

function commandNamed(words: readonly string[]): Command | undefined {
  return COMMANDS.find(({ name }) => name === words[0] || name === words.slice(0, 2).join(' '));
}

function groupNamed(word: string): readonly Command[] {
  return COMMANDS.filter(({ name }) => name.startsWith(`${word} `));
}

function unknownCommand(name: string): StartError {
  const known = COMMANDS.flatMap((command) => [command.name, command.name.split(' ')[0]!]);
  return new StartError('usage', [`unknown command "${name}".${didYouMean(name, [...known, 'help'])} See sallyport --help.`]);
}

function isHelpFlag(word: string): boolean {
  return word === '--help' || word === '-h';
}

const HELP_WORDS: ReadonlySet<string> = new Set(['help', '--help', '-h']);
