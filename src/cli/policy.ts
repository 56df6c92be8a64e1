// Owns `policy check` and `policy explain`: the proxy's own parser and its own judgement, asked from the command line.
import path from 'node:path';
import { loadConfig } from '../config/load.ts';
import { ProxyError } from '../errors/proxy-error.ts';
import { StartError } from '../errors/start-error.ts';
import { parseTarget } from '../http/target.ts';
import { parseIpAddress } from '../net/ip-address.ts';
import type { CompiledPolicy } from '../policy/compile.ts';
import { type ExplainedRule, type Explanation, explain } from '../policy/explain.ts';
import { loadPolicy } from '../policy/load.ts';
import { formatProblem } from '../policy/parse.ts';
import type { Question } from '../policy/policy.ts';
import type { Arguments } from './command.ts';
import { EXIT_OF_KIND, EXIT_OK } from './exit-codes.ts';
import type { Terminal } from './terminal.ts';

/** `policy check [FILE...]`: a line for each that is right, every problem of each that is not. @returns the highest code among them */
export async function checkPolicies(given: Arguments, terminal: Terminal): Promise<number> {
  const files = given.operands.length > 0 ? given.operands : [await configuredPolicy(given, terminal)];
  let code = EXIT_OK;
  for (const file of files) {
    try {
      terminal.print(summary(await readPolicy(file)));
    } catch (error) {
      if (!(error instanceof StartError)) throw error;
      for (const problem of error.problems) terminal.report(problem);
      code = Math.max(code, EXIT_OF_KIND[error.kind]);
    }
  }
  return code;
}

/** `policy explain METHOD URL` */
export async function explainRequest(given: Arguments, terminal: Terminal): Promise<number> {
  const [method = '', url = ''] = given.operands;
  const clientAddress = given.flags.get('client')?.[0] ?? '127.0.0.1';
  if (parseIpAddress(clientAddress) === null) throw new StartError('usage', [`--client: "${clientAddress}" is not an IP address.`]);
  const { question, remark } = questionAbout(method, url, clientAddress, given.flags.get('user')?.[0] ?? null);
  const explanation = explain(await readPolicy(await configuredPolicy(given, terminal)), question);
  terminal.print(given.flags.has('json') ? JSON.stringify(asJson(explanation), null, 2) : asText(explanation, remark));
  return EXIT_OK;
}

/** The policy that `run` would use with the same flags and environment, relative to the working directory where it lies below that. */
async function configuredPolicy({ flags }: Arguments, { environment, workingDirectory }: Terminal): Promise<string> {
  const { policyFile } = await loadConfig(
    { config: flags.get('config')?.[0], policy: flags.get('policy')?.[0] },
    environment,
    workingDirectory,
  );
  const relative = path.relative(workingDirectory, policyFile);
  return relative.startsWith('..') || path.isAbsolute(relative) ? policyFile : relative;
}

/** @throws StartError `unreadable` or `data` */
async function readPolicy(file: string): Promise<CompiledPolicy> {
  const loaded = await loadPolicy(file);
  if ('compiled' in loaded) return loaded.compiled;
  // A problem on line 0 is about the file and not about anything in it.
  const kind = loaded.problems.some(({ line }) => line === 0) ? 'unreadable' : 'data';
  throw new StartError(kind, loaded.problems.map(formatProblem));
}

function summary({ policy }: CompiledPolicy): string {
  const count = policy.rules.length;
  return `${policy.file}: ${count === 1 ? '1 rule' : `${count} rules`}, otherwise ${policy.defaultAction}`;
}

/** What the proxy would ask its policy when a client wants this. @throws StartError `usage` for what the proxy would refuse to read */
function questionAbout(
  method: string,
  url: string,
  clientAddress: string,
  user: string | null,
): { question: Question; remark: string | null } {
  const who = { clientAddress, user };
  try {
    // Octets as they would arrive.
    const target = parseTarget(method, Buffer.from(url, 'utf8').toString('latin1'));
    if (target.form === 'authority-form') return { question: tunnelTo(target.authority, who), remark: null };
    if (target.form !== 'absolute-form') throw new StartError('usage', [`${url}: name the whole URL, such as http://example.com/.`]);
    const { scheme, authority, pathAndQuery } = target;
    if (scheme === 'https') {
      const tunnel = `CONNECT ${authority.host.includes(':') ? `[${authority.host}]` : authority.host}:${authority.port}`;
      return { question: tunnelTo(authority, who), remark: `Over https a proxy sees only ${tunnel}; that is what was judged.` };
    }
    return { question: { method, scheme, host: authority.host, port: authority.port, pathAndQuery, ...who }, remark: null };
  } catch (error) {
    if (error instanceof ProxyError) throw new StartError('usage', [`${url}: ${error.message}`], { cause: error });
    throw error;
  }
}

function tunnelTo(
  { host, port }: { readonly host: string; readonly port: number },
  who: Pick<Question, 'clientAddress' | 'user'>,
): Question {
  return { method: 'CONNECT', scheme: 'tunnel', host, port, pathAndQuery: null, ...who };
}

function asText({ decision, sentence, steps }: Explanation, remark: string | null): string {
  const { action, rule, position } = decision;
  const deciding = decision.decidedBy === 'rule' && rule !== null ? ruleName(rule.name) : DECIDERS[decision.decidedBy];
  const head = [`${action}  ${deciding}  ${position.file}:${position.line}`];
  if (decision.decidedBy !== 'rule' && decision.decidedBy !== 'default') head.push(`${sentence}.`);
  if (remark !== null) head.push(remark);
  if (decision.decidedBy === 'rule' && rule?.message != null) head.push(`The person is told: ${rule.message}`);
  const considered = steps.length === 0 ? [] : ['', 'Rules considered, the first match decides:', ...steps.flatMap(ruleLines)];
  return [...head, ...considered].join('\n');
}

function ruleLines({ number, name, action, position, outcome, criteria }: ExplainedRule): string[] {
  const heading = `${String(number).padStart(3)}  ${OUTCOMES[outcome]}  ${action}  ${ruleName(name)}  ${position.file}:${position.line}`;
  const reasons = criteria.map(({ isTrue, words }) => `       ${isTrue ? 'true ' : 'false'}  ${words}`);
  return [heading, ...(reasons.length > 0 ? reasons : ['       true   it asks nothing, so everything matches'])];
}

function ruleName(name: string | null): string {
  return name === null ? 'unnamed rule' : `rule '${name}'`;
}

/** For scripts: positions and names as they are, and no secrets, since a policy holds none. */
function asJson({ decision, sentence, steps }: Explanation): object {
  const { action, decidedBy, rule, position, question } = decision;
  return { action, decidedBy, rule: rule?.name ?? null, position, sentence, message: rule?.message ?? null, question, considered: steps };
}

const DECIDERS: Readonly<Record<Explanation['decision']['decidedBy'], string>> = {
  rule: 'rule',
  default: 'default',
  'connect-ports': 'connect_ports',
  'unusable-path': 'unusable path',
  'unusable-question': 'unusable destination',
};

const OUTCOMES: Readonly<Record<ExplainedRule['outcome'], string>> = {
  match: 'matches',
  'no-match': 'differs',
  'path-differs': 'differs',
  'unusable-path': 'refuses',
};
