// Owns what a soak does with its command line: help is printed, and what cannot be done is told in a line.

/** @returns `null` where nothing is to be run */
export function optionsOf<T>(parse: (words: readonly string[]) => T | 'help', help: string): T | null {
  try {
    const options = parse(process.argv.slice(2));
    if (options !== 'help') return options;
    process.stdout.write(`${help}\n`);
  } catch (error) {
    process.stderr.write(`${(error as Error).message.replace(/[.]?$/, '.')} See --help.\n`);
    process.exitCode = 1;
  }
  return null;
}
