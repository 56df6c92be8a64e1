// Owns `policy learn`: an access log → a policy that allows what it shows.
import { StartError } from '../errors/start-error.ts';
import { learnedPolicy } from '../policy/learn/learned-policy.ts';
import { ObservedTraffic } from '../policy/learn/observed-traffic.ts';
import { parseRecorded } from '../policy/recorded.ts';
import type { Arguments } from './command.ts';
import { EXIT_OK } from './exit-codes.ts';
import { logLines } from './log-lines.ts';
import { counted } from './quantities.ts';
import type { Terminal } from './terminal.ts';
import { writeResult } from './written-file.ts';

/** `policy learn LOG` @throws StartError `data` when there is nothing to learn from */
export async function learnPolicy({ operands, flags }: Arguments, terminal: Terminal): Promise<number> {
  const [log = ''] = operands;
  const traffic = new ObservedTraffic();
  let unreadable = 0;
  for await (const line of logLines(log, terminal.workingDirectory)) {
    const recorded = parseRecorded(line);
    if (recorded === 'unreadable') unreadable += 1;
    else if (recorded !== 'unasked') traffic.add(recorded);
  }
  if (traffic.count === 0) {
    const found = unreadable === 0 ? 'no request that a policy was asked about' : `none of ${counted(unreadable, 'line')} is a request`;
    throw new StartError('data', [`${log}: ${found}. Name an access log in JSON, as sallyport run --access-log FILE writes it.`]);
  }
  const text = learnedPolicy(traffic);
  const output = flags.get('output')?.[0];
  if (output === undefined) terminal.print(text.trimEnd());
  else {
    await writeResult(output, text, terminal.workingDirectory);
    terminal.print(
      `${output}: learned from ${counted(traffic.count, 'request')}; read it, then: sallyport policy test ${output} --coverage`,
    );
  }
  if (unreadable > 0) terminal.report(`${counted(unreadable, 'line')} of ${log} cannot be read as an access log in JSON`);
  return EXIT_OK;
}
