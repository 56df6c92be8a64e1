// Owns the text of a learned policy: a file to be read from top to bottom, which passes its own tests and every check. The same traffic gives the same
// text. What comes from the log is written so that it stays a value: no name and no path in it can begin a line or a comment of its own.
import { patternText } from '../../match/host-pattern.ts';
import { requestText } from '../request-text.ts';
import { type Denied, type LearnedRule, learnRules } from './learned-rules.ts';
import type { ObservedTraffic } from './observed-traffic.ts';

export function learnedPolicy(traffic: ObservedTraffic): string {
  const { rules, doubtful, leftOut, reopened } = learnRules(traffic);
  const lines = [...head(traffic), '', 'version: 1', 'default: deny', `connect_ports: ${flowList(tunnelPorts(rules))}`, ''];
  lines.push(rules.length === 0 ? 'rules: []' : 'rules:');
  for (const rule of rules) lines.push(...ruleLines(rule, reopened.get(rule) ?? []).map((line) => `  ${line}`.trimEnd()), '');
  if (rules.length === 0) lines.push('');
  if (doubtful.length > 0) lines.push(...doubtfulLines(doubtful, rules.length === 0), '');
  if (leftOut.length > 0) lines.push(...leftOutLines(leftOut), '');
  if (rules.length > 0) lines.push('tests:', ...rules.flatMap(testLines), '');
  return lines.join('\n');
}

function head({ count, firstMs, lastMs, beyond }: ObservedTraffic): readonly string[] {
  const span = count === 0 ? '' : `, ${days(firstMs, lastMs)}`;
  return [
    `# Learned from ${counted(count, 'request')}${span}. Nothing passes but what a rule names.`,
    '# Read it before you use it: it allows what was seen, and nobody knows yet whether all of that should be.',
    ...(beyond === 0 ? [] : [`# ${counted(beyond, 'request')} to more hosts than can be held are not in it.`]),
  ];
}

function ruleLines(rule: LearnedRule, reopened: readonly Denied[]): readonly string[] {
  const { name, action, hosts, ports, scheme, methods, paths, allowPrivate } = rule;
  return [
    ...comment(seenWords(rule)),
    ...reopened
      .slice(0, REOPENED_SHOWN)
      .flatMap(({ request, count }) => comment(`Mind: it also allows ${requestText(request)}, which was denied ${times(count)}.`)),
    `- name: ${scalar(name)}`,
    `  ${action}:`,
    ...entry('host', hosts.map(patternText)),
    ...entry('port', ports.map(String)),
    ...entry('scheme', scheme === null ? [] : [scheme]),
    ...entry('method', methods),
    ...entry('path', paths),
    ...(allowPrivate.length === 0 ? [] : [`  allow_private: ${flowList(allowPrivate)}`]),
  ];
}

function seenWords({ count, counts }: LearnedRule): string {
  const [first, ...others] = counts;
  if (first === undefined || others.length === 0) return `${counted(count, 'request')}.`;
  const shown = counts.slice(0, HOSTS_SHOWN).map(([host, each]) => `${host} ${each.toLocaleString('en-US')}`);
  const more = counts.length > HOSTS_SHOWN ? ` and ${counts.length - HOSTS_SHOWN} more` : '';
  return `${counted(count, 'request')} to ${counts.length} hosts: ${shown.join(', ')}${more}.`;
}

function doubtfulLines(doubtful: readonly LearnedRule[], areAll: boolean): readonly string[] {
  const shown = doubtful.slice(0, DOUBTFUL_SHOWN);
  const rest = doubtful.slice(DOUBTFUL_SHOWN);
  const brackets = areAll ? ", and take the [] off 'rules:'" : '';
  const lines = [`Doubtful, and so not in force. Take the # off what should pass${brackets}.`];
  for (const rule of shown) {
    lines.push(
      '',
      ...wrapped(`${capitalised(rule.doubts.join('; '))}: ${seenWords(rule)}${portWords(rule)}`),
      ...ruleLines(rule, []).filter((line) => !line.startsWith('#')),
    );
  }
  if (rest.length > 0) {
    const requests = rest.reduce((sum, { count }) => sum + count, 0);
    lines.push('', `and ${counted(rest.length, 'rule')} more like these, for ${counted(requests, 'request')}`);
  }
  return lines.map((line) => `  # ${line}`.trimEnd());
}

function portWords({ methods, ports, example }: LearnedRule): string {
  if (example.method !== 'CONNECT' || methods.length === 0) return '';
  return ` It needs ${ports.length === 1 ? 'port' : 'ports'} ${ports.join(', ')} in connect_ports.`;
}

function leftOutLines(leftOut: readonly string[]): readonly string[] {
  const more = leftOut.length - LEFT_OUT_SHOWN;
  return [
    '  # No rule can be written for these:',
    ...leftOut.slice(0, LEFT_OUT_SHOWN).map((line) => `  #   ${printable(line)}`),
    ...(more > 0 ? [`  #   and ${more} more`] : []),
  ];
}

function testLines({ name, action, example }: LearnedRule): readonly string[] {
  return [`  - request: ${scalar(requestText(example))}`, `    expect: ${action}`, `    rule: ${scalar(name)}`];
}

/** Other ports are opened by a rule for tunnels alone. */
function tunnelPorts(rules: readonly LearnedRule[]): readonly string[] {
  const ports = new Set([443]);
  for (const { example, ports: own } of rules) if (example.method === 'CONNECT') for (const port of own) ports.add(port);
  return [...ports].sort((a, b) => a - b).map(String);
}

/** A key with one value, a list on its line, or a list of lines. */
function entry(key: string, values: readonly string[]): readonly string[] {
  if (values.length === 0) return [];
  const line = `    ${key}: ${values.length === 1 ? scalar(values[0]!) : flowList(values)}`;
  return line.length <= COLUMNS ? [line] : [`    ${key}:`, ...values.map((value) => `      - ${scalar(value)}`)];
}

function flowList(values: readonly string[]): string {
  return `[${values.map(scalar).join(', ')}]`;
}

/** A YAML scalar that reads back as this text, in quotes where it could mean something else. */
function scalar(text: string): string {
  return PLAIN.test(text) && !text.endsWith(':') ? text : JSON.stringify(text);
}

function comment(text: string): readonly string[] {
  return wrapped(text).map((line) => `# ${line}`);
}

function wrapped(text: string): readonly string[] {
  const lines: string[] = [];
  let line = '';
  for (const word of printable(text).split(' ')) {
    if (line !== '' && line.length + word.length >= COLUMNS - 4) {
      lines.push(line);
      line = word;
    } else line = line === '' ? word : `${line} ${word}`;
  }
  return [...lines, line];
}

function printable(text: string): string {
  return text.replace(/[^ -~]/g, '?');
}

function times(count: number): string {
  return count === 1 ? 'once' : `${count.toLocaleString('en-US')} times`;
}

function counted(count: number, what: string): string {
  return `${count.toLocaleString('en-US')} ${what}${count === 1 ? '' : 's'}`;
}

function capitalised(text: string): string {
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}`;
}

function days(firstMs: number, lastMs: number): string {
  const [first, last] = [firstMs, lastMs].map((ms) => new Date(ms).toISOString().slice(0, 10));
  return first === last ? `${first}` : `${first} to ${last}`;
}

/** Characters that mean nothing to YAML where they stand, also in a list in brackets. */
const PLAIN = /^[A-Za-z0-9./](?:[A-Za-z0-9./_*@%+~=()$!;-]|:(?=\S)| (?=[A-Za-z0-9./(]))*$/;
const COLUMNS = 100;
const HOSTS_SHOWN = 8;
const DOUBTFUL_SHOWN = 100;
const LEFT_OUT_SHOWN = 20;
const REOPENED_SHOWN = 3;
