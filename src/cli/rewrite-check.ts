// Owns `rewrite check`: what is wrong in files of rewriting rules.
import path from 'node:path';
import { loadConfig } from '../config/load.ts';
import { StartError } from '../errors/start-error.ts';
import { countRules } from '../proxy/rewriting.ts';
import type { Arguments } from './command.ts';
import { EXIT_OK } from './exit-codes.ts';
import { fromHere } from './from-here.ts';
import { counted } from './quantities.ts';
import type { Terminal } from './terminal.ts';
import { tellProblems } from './told-problems.ts';

/** `rewrite check [FILE...]`: a line for each that is right, every problem of each that is not. @returns the highest code among them */
export async function checkRewriting({ operands, flags }: Arguments, terminal: Terminal): Promise<number> {
  const { workingDirectory } = terminal;
  const files = operands.length > 0 ? operands : [await configuredFile(flags.get('config')?.[0], terminal)];
  let code = EXIT_OK;
  for (const file of files) {
    try {
      const rules = await countRules(path.resolve(workingDirectory, file));
      terminal.print(`${fromHere(path.resolve(workingDirectory, file), workingDirectory)}: ${counted(rules, 'rule')}`);
    } catch (error) {
      code = Math.max(code, tellProblems(error, terminal));
    }
  }
  return code;
}

/** @throws StartError where there is none */
async function configuredFile(config: string | undefined, { environment, workingDirectory }: Terminal): Promise<string> {
  const { rewrite } = await loadConfig({ config }, environment, workingDirectory);
  if (rewrite === null) throw new StartError('usage', ['There is no file of rewriting rules: name one, or set rewrite or state_dir.']);
  return rewrite.file;
}
