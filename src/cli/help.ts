// Owns the words of --help: made from the command table, wrapped at 80 columns, nothing that is not there.
import type { Command } from './command.ts';
import { EXIT_CODES } from './exit-codes.ts';

/** `sallyport --help` */
export function programHelp(commands: readonly Command[]): string {
  return sections([
    'Usage: sallyport COMMAND [ARGUMENTS]',
    wrap('A forward proxy for HTTP and for tunnels (CONNECT). A policy decides what may pass, and every decision says why.'),
    titled('Commands', table([...rowsOf(commands), ['help [COMMAND]', 'Print this, or the help of a command']])),
    titled('Exit codes', table(EXIT_CODES.map(([code, text]) => [String(code), text]))),
    wrap('sallyport COMMAND --help tells more about one of them. In a clone, sallyport is npm run -s sallyport --'),
  ]);
}

/** `sallyport policy --help`: a word that several commands begin with. */
export function groupHelp(word: string, commands: readonly Command[]): string {
  return sections([
    `Usage: sallyport ${word} COMMAND [ARGUMENTS]`,
    titled('Commands', table(rowsOf(commands))),
    wrap(`sallyport ${word} COMMAND --help tells more about one of them.`),
  ]);
}

/** `sallyport policy check --help` */
export function commandHelp(command: Command): string {
  const flags = Object.entries(command.flags).map(([name, flag]): [string, string] => [
    `--${name}${flag.short === undefined ? '' : `, -${flag.short}`}${flag.value === null ? '' : ` ${flag.value}`}`,
    flag.text,
  ]);
  return sections([
    ['Usage: sallyport', command.name, flags.length > 0 ? '[FLAGS]' : '', command.operands].filter((part) => part !== '').join(' '),
    wrap(`${command.summary}.`),
    ...command.details.map((paragraph) => wrap(paragraph)),
    flags.length > 0 ? titled('Flags', table(flags)) : '',
    command.examples.length > 0
      ? titled('Examples', command.examples.map(([typed, text]) => `  ${typed}\n${wrap(text, '      ')}`).join('\n'))
      : '',
  ]);
}

/** Words put on lines of at most so many columns, each after `indent`; a longer word stands alone. */
export function wrap(text: string, indent = '', columns = COLUMNS): string {
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(' ')) {
    if (line !== '' && indent.length + line.length + 1 + word.length > columns) {
      lines.push(line);
      line = word;
    } else line = line === '' ? word : `${line} ${word}`;
  }
  return [...lines, line].map((each) => indent + each).join('\n');
}

function rowsOf(commands: readonly Command[]): (readonly [string, string])[] {
  return commands.map(({ name, summary }) => [name, summary]);
}

/** Two columns; what is too wide for the first has its text on the next line. */
function table(rows: readonly (readonly [string, string])[]): string {
  const width = Math.min(WIDEST_FIRST_COLUMN, Math.max(...rows.map(([first]) => first.length)));
  const indent = ' '.repeat(width + 4);
  return rows
    .map(([first, text]) => {
      const second = wrap(text, indent);
      return first.length > width ? `  ${first}\n${second}` : `  ${first.padEnd(width)}  ${second.trimStart()}`;
    })
    .join('\n');
}

function titled(title: string, body: string): string {
  return `${title}:\n${body}`;
}

function sections(parts: readonly string[]): string {
  return parts.filter((part) => part !== '').join('\n\n');
}

const COLUMNS = 80;
const WIDEST_FIRST_COLUMN = 28;
