// Owns what the API says of the policy that holds: its rules as they are written, how often each decided, and how a request would be judged. Judging is
// policy/ask.ts and policy/explain.ts, as for every request.
import { readFileSync, statSync } from 'node:fs';
import * as z from 'zod';
import { BadQuestion, valueAnswer } from '../admin/answers.ts';
import { ProxyError } from '../errors/proxy-error.ts';
import type { RuleHits } from '../flows/store/protocol.ts';
import { parseTarget } from '../http/target.ts';
import { type Question, usualGreeting } from '../match/question.ts';
import { parseIpAddress } from '../net/ip-address.ts';
import { ask, verdictOf } from '../policy/ask.ts';
import type { CompiledPolicy } from '../policy/compile.ts';
import { type ExplainedRule, explain } from '../policy/explain.ts';
import type { Rule, SourcePosition } from '../policy/policy.ts';
import { contentAs, type Route } from './route.ts';

export interface PolicyParts {
  /** That of the moment. */
  policy(): CompiledPolicy;
  /** How often rules decided, of what is recorded; `null` where nothing is. */
  hits(): Promise<readonly RuleHits[] | null>;
}

const EXPLAINED = z.strictObject({
  method: z.string().regex(/^[!#$%&'*+.^`|~\w-]{1,64}$/, 'expected a method such as GET'),
  url: z.string().max(16_384),
  user: z.string().max(256).nullable().default(null),
  groups: z.array(z.string().max(256)).max(64).default([]),
  client: z.string().default('127.0.0.1'),
  fields: z
    .array(z.tuple([z.string(), z.string()]))
    .max(100)
    .default([]),
  addresses: z.array(z.string()).max(32).default([]),
});

export function policyRoutes({ policy, hits }: PolicyParts): readonly Route[] {
  return [
    {
      method: 'GET',
      path: '/api/policy',
      summary: 'The rules that hold, in order, and how often each decided',
      answers: '{file, default, rules}; hits are of what is recorded, null where nothing is',
      answer: async () => valueAnswer(rulesOf(policy(), await hits())),
    },
    {
      method: 'POST',
      path: '/api/policy/explain',
      summary: 'How a request would be judged, and why',
      content: EXPLAINED,
      answers: '{verdict, sentence, place, steps}: every rule that was considered, with each criterion and its truth',
      answer: async (asked) => valueAnswer(explained(policy(), await contentAs(EXPLAINED, asked), Date.now())),
    },
  ];
}

/** The rules up to the one that decided, asked again of what was recorded; `null` where it is not to be understood any more. */
export function stepsOf(compiled: CompiledPolicy, question: unknown): readonly ExplainedRule[] | null {
  try {
    return explain(compiled, question as Question).steps;
  } catch {
    // Recorded by another version, whose questions were others.
    return null;
  }
}

function rulesOf({ policy }: CompiledPolicy, hits: readonly RuleHits[] | null): object {
  const byRule = new Map(hits?.map((each) => [each.rule, each]));
  const sources = new Sources();
  const counted = (name: string | null) => {
    const found = byRule.get(name);
    return { hits: hits === null ? null : (found?.hits ?? 0), lastHitMs: found?.lastHitMs ?? null };
  };
  const rule = (each: Rule, i: number) => {
    const { name, action, position, denial } = each;
    const place = `${position.file}:${position.line}`;
    const next = policy.rules[i + 1]?.position;
    return {
      number: i + 1,
      name,
      action,
      file: position.file,
      line: position.line,
      text: sources.text(position, next),
      denial,
      ...counted(name ?? place),
    };
  };
  const { file, line } = policy.defaultPosition;
  return {
    file: policy.file,
    default: { action: policy.defaultAction, file, line, ...counted(null) },
    rules: policy.rules.map(rule),
    tests: policy.tests.length,
  };
}

function explained(compiled: CompiledPolicy, asked: z.output<typeof EXPLAINED>, nowMs: number): object {
  const { method, url, user, groups, client, fields, addresses } = asked;
  for (const address of [client, ...addresses])
    if (parseIpAddress(address) === null) throw new BadQuestion(`${JSON.stringify(address)} is no IP address.`);
  const target = targetOf(method, url);
  const question: Question = {
    ...{ method, ...target, fields: fields.map(([name, value]) => ({ name, value })), contentLength: 0, upgrade: null },
    ...{ clientAddress: client, listener: '', address: null, response: null, nowMs },
    hello: target.scheme === 'http' ? null : usualGreeting(target.host),
    identity: user === null ? 'nobody' : { user, groups, claims: null },
  };
  const { decision } = ask(compiled, { question, addresses });
  const { sentence, steps } = explain(compiled, decision.question);
  const { file, line } = decision.position;
  return { verdict: verdictOf(decision), sentence, place: `${file}:${line}`, awaits: decision.awaits, steps };
}

function targetOf(method: string, url: string): Pick<Question, 'scheme' | 'host' | 'port' | 'pathAndQuery'> {
  try {
    const target = parseTarget(method, Buffer.from(url, 'utf8').toString('latin1'));
    if (target.form === 'absolute-form') {
      const { scheme, authority, pathAndQuery } = target;
      return { scheme, host: authority.host, port: authority.port, pathAndQuery };
    }
    if (target.form === 'authority-form') {
      const { host, port } = target.authority;
      return { scheme: 'tunnel', host, port, pathAndQuery: null };
    }
  } catch (error) {
    if (error instanceof ProxyError) throw new BadQuestion(error.message);
    throw error;
  }
  throw new BadQuestion(`${JSON.stringify(url)}: expected an absolute URL, or with CONNECT a host and port.`);
}

/** Policy files as they lie there now, each read once. */
class Sources {
  readonly #files = new Map<string, readonly string[]>();

  /** A rule, from its first line to where the next one begins; at most 30 lines. */
  text({ file, line }: SourcePosition, next: SourcePosition | undefined): string {
    const lines = this.#lines(file);
    const end = next?.file === file && next.line > line ? next.line - 1 : lines.findIndex((text, i) => i >= line && /^\S/.test(text));
    const last = Math.min(end < line ? lines.length : end, line + MOST_LINES - 1);
    return lines
      .slice(line - 1, last)
      .join('\n')
      .trimEnd();
  }

  #lines(file: string): readonly string[] {
    const known = this.#files.get(file);
    if (known !== undefined) return known;
    const lines = readLines(file);
    this.#files.set(file, lines);
    return lines;
  }
}

function readLines(file: string): readonly string[] {
  try {
    return statSync(file).size > MOST_OCTETS ? [] : readFileSync(file, 'utf8').split(/\r?\n/);
  } catch {
    return [];
  }
}

const MOST_LINES = 30;
const MOST_OCTETS = 1024 * 1024;
