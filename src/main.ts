// Owns the process: its words go to the command line, whose exit code becomes the process's.
import { main } from './cli/cli.ts';

process.exitCode = await main(process.argv.slice(2));
