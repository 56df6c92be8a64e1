// Owns `policy diff`: which requests two policies judge differently, told by what changes, and for whom.
import type { CompiledPolicy } from '../policy/compile.ts';
import { type Change, type Flip, invented, PolicyDiff, unrecordedKinds } from '../policy/diff.ts';
import { explainShort } from '../policy/explain.ts';
import { parseRecorded } from '../policy/recorded.ts';
import { requestText } from '../policy/request-text.ts';
import type { Arguments } from './command.ts';
import { EXIT_DIFFERENT, EXIT_OK } from './exit-codes.ts';
import { logLines } from './log-lines.ts';
import { readPolicy } from './policy-file.ts';
import { counted } from './quantities.ts';
import { oneLine, type Terminal } from './terminal.ts';

/** `policy diff BEFORE AFTER` */
export async function diffPolicies({ operands, flags }: Arguments, terminal: Terminal): Promise<number> {
  const [before = '', after = ''] = operands;
  const policies = [(await readPolicy(before)).compiled, (await readPolicy(after)).compiled] as const;
  const diff = new PolicyDiff(...policies, flags.has('rules'));
  const log = flags.get('log')?.[0];
  const remarks = log === undefined ? [] : await askRecorded(diff, log, terminal);
  if (log === undefined) askInvented(diff, policies);
  const changes = [...diff.changes.values()].sort((a, b) => rankOf(a) - rankOf(b) || b.count - a.count);
  for (const change of changes) terminal.print(changeLines(change, log !== undefined).join('\n'));
  terminal.print(summary(changes, diff.asked, log));
  for (const remark of [...remarks, ...(log === undefined ? [] : unrecorded(policies))]) terminal.tell(remark);
  return changes.length === 0 ? EXIT_OK : EXIT_DIFFERENT;
}

function askInvented(diff: PolicyDiff, policies: readonly [CompiledPolicy, CompiledPolicy]): void {
  for (const asked of invented(...policies, Date.now())) {
    const { identity, clientAddress } = asked.question;
    diff.add(asked, typeof identity === 'object' ? identity.user : clientAddress);
  }
}

/** @returns remarks about lines that were no requests */
async function askRecorded(diff: PolicyDiff, log: string, { workingDirectory }: Terminal): Promise<readonly string[]> {
  let unreadable = 0;
  let unasked = 0;
  for await (const line of logLines(log, workingDirectory)) {
    const recorded = parseRecorded(line);
    if (recorded === 'unreadable') unreadable += 1;
    else if (recorded === 'unasked') unasked += 1;
    else diff.add(recorded, recorded.user ?? recorded.clientAddress);
  }
  const remarks = [];
  if (unasked > 0)
    remarks.push(`${counted(unasked, 'line')} left out: no policy was asked, or the client was asked who it is and came again.`);
  if (unreadable > 0) remarks.push(`${counted(unreadable, 'line')} of ${log} cannot be read as an access log in JSON.`);
  return remarks;
}

function changeLines(change: Change, isRecorded: boolean): readonly string[] {
  const { before, after, count, flips, uncounted } = change;
  const sorted = [...flips.values()].sort((a, b) => b.count - a.count || a.firstMs - b.firstMs);
  const title = before === after ? `${before}, by another rule` : `${before} -> ${after}`;
  const more = sorted.length - SHOWN_AT_MOST;
  return [
    `${title}: ${counted(count, 'request')}`,
    ...sorted.slice(0, SHOWN_AT_MOST).flatMap((flip) => (isRecorded ? recordedLines(flip) : inventedLines(flip))),
    ...(more > 0 ? [`  and ${counted(more, 'more group')} of user and host`] : []),
    ...(uncounted > 0 ? [`  and ${counted(uncounted, 'request')} of users and hosts beyond these`] : []),
    '',
  ];
}

function recordedLines(flip: Flip): readonly string[] {
  const { host, count, firstMs, lastMs } = flip;
  // The log may be anybody's.
  const who = oneLine(flip.who);
  const [first, last] = [minute(firstMs), minute(lastMs)];
  const times = first === last ? first : `${first} to ${last}`;
  return [`  ${counted(count, 'request')} by ${who} to ${host}, ${times}`, ...reasons(flip)];
}

function inventedLines(flip: Flip): readonly string[] {
  const { identity } = flip.example;
  const who = typeof identity === 'object' ? ` by ${identity.user}` : '';
  const others = flip.count > 1 ? ` and ${counted(flip.count - 1, 'more request')} to this host` : '';
  return [`  ${requestText(flip.example)}${who}${others}`, ...reasons(flip).slice(1)];
}

function reasons({ example, before, after }: Flip): readonly string[] {
  const request = requestText(example);
  const shown = request.length > SHOWN_LENGTH ? `${request.slice(0, SHOWN_LENGTH - 3)}...` : request;
  return [`      ${shown}`, `      before: ${explainShort(before)}`, `      after:  ${explainShort(after)}`];
}

function summary(changes: readonly Change[], asked: number, log: string | undefined): string {
  const flipped = changes.reduce((sum, { count }) => sum + count, 0);
  const from = log === undefined ? ' made from the tests and hosts of both' : ` of ${log === '-' ? 'standard input' : log}`;
  const of = `${counted(asked, 'request')}${from}`;
  return flipped === 0 ? `No difference in ${of}.` : `${flipped.toLocaleString('en-US')} of ${of} ${flipped === 1 ? 'flips' : 'flip'}.`;
}

function unrecorded(policies: readonly CompiledPolicy[]): readonly string[] {
  const kinds = unrecordedKinds(...policies);
  if (kinds.length === 0) return [];
  return [
    `A log does not hold what ${kinds.join(' and ')} ${kinds.length === 1 ? 'asks' : 'ask'} about; such rules were judged as if there were none of it.`,
  ];
}

/** What stops working comes first, then what is opened. */
function rankOf({ before, after }: Change): number {
  if (before === after) return 3;
  return after === 'deny' ? 0 : before === 'deny' ? 1 : 2;
}

function minute(ms: number): string {
  return `${new Date(ms).toISOString().slice(0, 16).replace('T', ' ')}Z`;
}

const SHOWN_AT_MOST = 50;
const SHOWN_LENGTH = 90;
