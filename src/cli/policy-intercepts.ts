// Owns `policy intercepts`: which hosts a policy opens, by which rule and for whose sake, what it leaves closed, and which certificates it forgives.
import type { Condition } from '../match/condition.ts';
import { visitLeaves } from '../policy/compile.ts';
import { hostTexts, type InterceptingRule, interceptingRules, type Need } from '../policy/intercepts.ts';
import type { Policy, Rule } from '../policy/policy.ts';
import type { Arguments } from './command.ts';
import { EXIT_OK } from './exit-codes.ts';
import { configuredPolicy, readPolicy } from './policy-file.ts';
import { forgivenText, hanging, pinnedText, placeText, ruleText } from './policy-words.ts';
import { counted } from './quantities.ts';
import type { Terminal } from './terminal.ts';

/** `policy intercepts` */
export async function listIntercepts(given: Arguments, terminal: Terminal): Promise<number> {
  const { compiled } = await readPolicy(await configuredPolicy(given, terminal));
  const opening = interceptingRules(compiled);
  const forgiving = compiled.policy.rules.filter(({ acceptCertificate }) => acceptCertificate !== null);
  if (given.flags.has('json')) terminal.print(JSON.stringify(asJson(opening, forgiving), null, 2));
  else terminal.print(asText(compiled.policy, opening, forgiving));
  return EXIT_OK;
}

function asText({ file }: Policy, opening: readonly InterceptingRule[], forgiving: readonly Rule[]): string {
  const first =
    opening.length === 0
      ? `${file}: no rule opens TLS`
      : `${file}: ${counted(opening.length, 'rule')} that ${opening.length === 1 ? 'opens' : 'open'} TLS`;
  return [first, ...opening.flatMap(openingLines), ...forgivingLines(forgiving)].join('\n');
}

function openingLines({ rule, canOpen, neededBy, exceptions }: InterceptingRule): readonly string[] {
  const needs = shortened(neededBy.map(({ rule: needing, asks }) => `needed for ${asks.join(', ')}: ${ruleLine(needing)}`));
  return [
    '',
    `${ruleText(rule.name)}  ${placeText(rule.position)}`,
    hanging(canOpen ? `opens ${hostsText(rule)}` : 'opens nothing: it asks for what does not show in a CONNECT', '  '),
    ...(needs.length === 0 ? ['nothing needs it'] : needs).map((line) => hanging(line, '  ')),
    ...shortened(exceptions.map((each) => `but not ${hostsText(each)}: ${ruleLine(each)}`)).map((line) => hanging(line, '  ')),
    hanging(pinnedText(rule.interception!), '  '),
  ];
}

function forgivingLines(forgiving: readonly Rule[]): readonly string[] {
  if (forgiving.length === 0) return [];
  return [
    '',
    'Certificates that are taken although they are at fault:',
    ...forgiving.map((rule) => hanging(`${hostsText(rule)}: ${forgivenText(rule.acceptCertificate!)}; ${ruleLine(rule)}`, '  ')),
  ];
}

function shortened(lines: readonly string[]): readonly string[] {
  const more = lines.length - SHOWN_AT_MOST;
  return more <= 0 ? lines : [...lines.slice(0, SHOWN_AT_MOST), `and ${counted(more, 'more rule')}; --json has them all`];
}

/** The hosts that it names, and what else it asks for. */
function hostsText({ condition }: Rule): string {
  const others = new Set<string>();
  visitLeaves(condition, ({ kind }) => {
    if (!SAID.has(kind)) others.add(kind);
  });
  const hosts = hostTexts(condition)?.join(', ') ?? 'every host';
  return others.size === 0 ? hosts : `${hosts}, if ${[...others].join(' and ')} ${others.size === 1 ? 'is' : 'are'} right`;
}

function ruleLine({ action, name, position }: Rule): string {
  return `${action} ${ruleText(name)}, ${placeText(position)}`;
}

/** For scripts, described in policies/README.md. `hosts` is `null` where a rule names none. */
function asJson(opening: readonly InterceptingRule[], forgiving: readonly Rule[]): object {
  return {
    opened: opening.map(({ rule, canOpen, neededBy, exceptions }) => ({
      ...ruleMembers(rule),
      can_open: canOpen,
      needed_by: neededBy.map(({ rule: needing, asks }: Need) => ({ ...ruleMembers(needing), asks })),
      excepted: exceptions.map(ruleMembers),
      on_pinned: rule.interception!.onPinned,
      passthrough_seconds: rule.interception!.passthroughSeconds,
      inspect_required: rule.interception!.isRequired,
    })),
    forgiven: forgiving.map((rule) => ({ ...ruleMembers(rule), accepts: rule.acceptCertificate })),
  };
}

function ruleMembers({ action, name, position, condition }: Rule): object {
  return { action, rule: name, position, hosts: hostTexts(condition) };
}

/** What the hosts are said with, and what goes without saying of a tunnel. */
const SAID: ReadonlySet<Condition['kind']> = new Set(['host', 'host_regex', 'domain', 'sni', 'list-use', 'group-use', 'scheme', 'method']);
const SHOWN_AT_MOST = 20;
