// Owns what the API says of rewriting rules: the file as it is written, what each rule does and how much it has touched, and changing the file.
import * as z from 'zod';
import { type AdminAnswer, BadQuestion, valueAnswer } from '../admin/answers.ts';
import { StartError } from '../errors/start-error.ts';
import type { PassingSubject } from '../flows/filter/verdict.ts';
import type { PolicyProblem } from '../policy/yaml-source.ts';
import { freeName, withRule, withRuleToggled } from '../rewrite/edit-rules.ts';
import type { RewriteRule } from '../rewrite/rule.ts';
import { ruleWords } from '../rewrite/rule-words.ts';
import type { BreakpointParts } from './breakpoint-routes.ts';
import { contentAs, type Route, type RouteAsked } from './route.ts';
import { RULE_KINDS, ruleFrom } from './rule-from-exchange.ts';
import { exchangeAsked, type Recording } from './traffic-routes.ts';

/** The rules that hold, and the file that they are in (proxy/rewriting.ts). */
export interface RuleBook extends BreakpointParts {
  readonly rules: readonly RewriteRule<PassingSubject>[];
  readonly file: string | null;
  readonly text: string;
  readonly problems: readonly PolicyProblem[];
  onChange: () => void;
  touches(rule: string): { readonly count: number; readonly lastMs: number } | null;
  /** @returns problems of the new text, which does not hold then @throws StartError */
  change(change: (text: string) => string | null): Promise<readonly PolicyProblem[] | null>;
  /** @returns how a rule names the file @throws StartError */
  keep(name: string, content: Uint8Array): Promise<string>;
}

const TEXT = z.strictObject({ text: z.string().max(1_000_000) });
const FROM_EXCHANGE = z.strictObject({
  id: z.int(),
  kind: z.enum(RULE_KINDS),
  to: z.string().max(2_000).optional(),
  session: z.string().optional(),
});

export function ruleRoutes(book: RuleBook, recording: Recording): readonly Route[] {
  return [
    {
      method: 'GET',
      path: '/api/rules',
      summary: 'The rewriting rules: the file, what each rule does, and how many exchanges it has touched since the start',
      answers: '{file, text, rules, problems}; with problems, the rules are those that held before',
      answer: () => valueAnswer(rulesOf(book)),
    },
    {
      method: 'PUT',
      path: '/api/rules',
      summary: 'Write the file of rewriting rules anew',
      content: TEXT,
      answers: 'As GET; 400 with problems, each with line and column, and nothing is written',
      async answer(asked) {
        const { text } = await contentAs(TEXT, asked, MOST_CONTENT);
        return changed(book, () => text);
      },
    },
    {
      method: 'POST',
      path: '/api/rules/from-exchange',
      summary: 'Add a rule for requests like that of an exchange; to is the URL that map_remote sends them to, without which it is off',
      content: FROM_EXCHANGE,
      answers: '{name, isOn, ...}: of the rule, and as GET',
      async answer(asked) {
        return addRule(book, recording, asked, await contentAs(FROM_EXCHANGE, asked));
      },
    },
    {
      method: 'POST',
      path: '/api/rules/{name}/toggle',
      summary: 'Switch a rule off, or on again',
      answers: 'As GET',
      answer({ segments }) {
        if (book.problems.length > 0) return problemsAnswer(book.problems);
        return changed(book, (text) => {
          const toggled = withRuleToggled(text, segments['name']!);
          if (toggled === null) throw new BadQuestion(`There is no rule ${JSON.stringify(segments['name'])}.`, 404);
          return toggled;
        });
      },
    },
  ];
}

async function addRule(
  book: RuleBook,
  recording: Recording,
  asked: RouteAsked,
  { id, kind, to, session }: z.infer<typeof FROM_EXCHANGE>,
): Promise<AdminAnswer> {
  if (book.problems.length > 0) return problemsAnswer(book.problems);
  const query = new URLSearchParams(session === undefined ? {} : { session });
  const exchange = await exchangeAsked(recording, { ...asked, query, segments: { id: String(id) } });
  const content = async (): Promise<Uint8Array | null> => {
    const kept = await recording.store().ask({ kind: 'content', id, of: 'response', ...(session !== undefined && { session }) });
    return kept === null || kept.isCut ? null : kept.bytes;
  };
  const wanted = await ruleFrom(exchange, kind, content, (name, octets) => kept(book, name, octets), to ?? null);
  let name = wanted.name;
  const answer = await changed(book, (text) => {
    name = freeName(text, wanted.name);
    return withRule(text, { ...wanted, name });
  });
  return answer.kind === 'value' && answer.status === 200
    ? valueAnswer({ name, isOn: wanted['on'] !== 'false', ...rulesOf(book) })
    : answer;
}

function rulesOf(book: RuleBook): object {
  const rules = book.rules.map((rule) => {
    const { name, isOn, position, match } = rule;
    const touches = book.touches(name);
    const touched = { touched: touches?.count ?? 0, lastTouchedMs: touches?.lastMs ?? null };
    return { name, isOn, line: position.line, does: ruleWords(rule), match, ...touched };
  });
  return { file: book.file ?? '', text: book.text, rules, problems: book.problems.map(problemOf) };
}

async function changed(book: RuleBook, change: (text: string) => string | null): Promise<AdminAnswer> {
  const problems = await orBadQuestion(() => book.change(change));
  return problems === null ? valueAnswer(rulesOf(book)) : problemsAnswer(problems);
}

/** Also where a file has them already: what is to be changed in it cannot be told apart then. */
function problemsAnswer(problems: readonly PolicyProblem[]): AdminAnswer {
  const [first] = problems;
  const error = `The rules cannot be used so${first === undefined ? '' : `: line ${first.line}: ${first.message}`}.`;
  return valueAnswer({ error, problems: problems.map(problemOf) }, 400);
}

function kept(book: RuleBook, name: string, octets: Uint8Array): Promise<string> {
  return orBadQuestion(() => book.keep(name, octets));
}

/** What the file system refuses, it refuses with a sentence. */
async function orBadQuestion<T>(act: () => Promise<T>): Promise<T> {
  try {
    return await act();
  } catch (error) {
    throw error instanceof StartError ? new BadQuestion(error.problems.join(' '), 409) : error;
  }
}

function problemOf({ line, column, message }: PolicyProblem): object {
  return { line, column, message };
}

const MOST_CONTENT = 2 * 1024 * 1024;
