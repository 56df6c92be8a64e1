// Owns `policy explain`: how a policy judges one request, and why. The short form names the rule that decided and those that a reader might have
// expected; the long one shows every criterion that was looked at.
import { type Asked, ask, type Verdict, verdictOf } from '../policy/ask.ts';
import type { Authorization } from '../policy/authorize.ts';
import type { CompiledPolicy } from '../policy/compile.ts';
import { type ExplainedCriterion, type ExplainedRule, type Explanation, explain } from '../policy/explain.ts';
import type { AcceptedFault, Decision, Denial, RuleCache, RuleInterception } from '../policy/policy.ts';
import { meetsHost, whyNot, whySo } from '../policy/why-not.ts';
import type { Arguments } from './command.ts';
import { EXIT_OK } from './exit-codes.ts';
import { configuredPolicy, readPolicy } from './policy-file.ts';
import { askedFor } from './policy-question.ts';
import { cacheText, deciderText, denialText, forgivenText, hanging, pinnedText, placeText, ruleText } from './policy-words.ts';
import type { Terminal } from './terminal.ts';

/** `policy explain METHOD URL` */
export async function explainRequest(given: Arguments, terminal: Terminal): Promise<number> {
  const { remark, ...asked } = askedFor(given, Date.now());
  const { compiled } = await readPolicy(await configuredPolicy(given, terminal));
  const story = storyOf(compiled, asked);
  if (given.flags.has('json')) terminal.print(JSON.stringify(asJson(story, asked), null, 2));
  else terminal.print(asText(story, remark, given.flags.has('all')));
  return EXIT_OK;
}

/** Everything that is to be told of a request. */
interface Story {
  readonly authorization: Authorization;
  readonly verdict: Verdict;
  readonly explanation: Explanation;
  /** What each address by itself would meet with, where there are several. */
  readonly byAddress: readonly { readonly address: string; readonly verdict: Verdict; readonly sentence: string }[];
}

function storyOf(compiled: CompiledPolicy, asked: Asked): Story {
  const authorization = ask(compiled, asked);
  const { question, addresses } = asked;
  const isSplit = addresses.length > 1 && authorization.addresses !== null;
  return {
    authorization,
    verdict: verdictOf(authorization.decision),
    explanation: explain(compiled, authorization.decision.question),
    byAddress: !isSplit
      ? []
      : addresses.map((address) => {
          const { decision, sentence } = explain(compiled, { ...question, address });
          return { address, verdict: verdictOf(decision), sentence };
        }),
  };
}

function asText(story: Story, remark: string | null, isLong: boolean): string {
  const { steps } = story.explanation;
  const body = isLong ? considered(steps) : [...passedOver(story), ...noted(story)];
  return [...head(story), ...addressLines(story), ...(remark === null ? [] : [remark]), ...body].join('\n');
}

function head({ verdict, authorization: { decision }, explanation: { sentence, steps } }: Story): readonly string[] {
  const { decidedBy, rule } = decision;
  if (verdict === 'unresolved') return ['undecided  a rule asks for the address', 'Names are not looked up here; add --resolve ADDRESS.'];
  const lines = [`${verdict}  ${deciderText(decision)}`];
  if (decidedBy !== 'rule' && decidedBy !== 'default') lines.push(`${capitalised(sentence)}.`);
  const deciding = decidedBy === 'rule' ? steps.find(({ position }) => position === rule?.position) : undefined;
  if (deciding !== undefined) lines.push(...whySo(deciding).map((words) => hanging(words, '  ')));
  if (verdict === 'challenge') lines.push('The client is asked who it is; add --user NAME to see what comes next.');
  if (decision.awaits === 'response') lines.push('The answer is judged as well; add --response-type TYPE or --response-size N to see how.');
  const cached = cachedUnder(decision) === null ? null : cacheText(decision.rule!);
  if (cached !== null) lines.push(hanging(cached, ''));
  if (rule !== null && verdict === 'intercept') lines.push(hanging(pinnedText(rule.interception!), ''));
  const forgiven = forgivenUnder(decision);
  if (forgiven !== null) lines.push(hanging(`Certificates that are taken although they are at fault: ${forgivenText(forgiven)}.`, ''));
  const told = rule === null || decision.action !== 'deny' || verdict === 'challenge' ? null : denialText(rule);
  return told === null ? lines : [...lines, hanging(told, '')];
}

/** What the rule that decided says of the cache; nothing of a tunnel is seen, so nothing of it is cached. */
function cachedUnder({ rule, action, question }: Decision): RuleCache | null {
  return rule === null || action === 'deny' || (question.scheme === 'tunnel' && action !== 'intercept') ? null : rule.cache;
}

/** Whether a certificate of the origin is looked at: not where the client looks at it itself, through the tunnel. */
function forgivenUnder({ rule, action, question }: Decision): readonly AcceptedFault[] | null {
  const isOurs = action === 'intercept' || (action === 'allow' && question.scheme === 'https');
  return rule !== null && isOurs ? rule.acceptCertificate : null;
}

function addressLines({ byAddress, authorization }: Story): readonly string[] {
  if (byAddress.length === 0) return [];
  const lines = byAddress.map(({ address, sentence }) => {
    const isLeftOut = sentence.startsWith('allowed') && authorization.addresses?.includes(address) === false;
    return `  ${address}  ${sentence}${isLeftOut ? `, but not dialled, since ${authorization.addresses?.[0]} is judged otherwise` : ''}`;
  });
  return ['', 'Addresses, each judged by itself:', ...lines];
}

/** The rules of which a reader might think that they decide, with the one reason that speaks against each. The one that stands above is none. */
function passedOver({ verdict, authorization: { decision }, explanation: { steps } }: Story): readonly string[] {
  const told = verdict === 'unresolved' ? undefined : decision.rule?.position;
  const lines = steps
    .filter(({ position }) => position !== told)
    .filter((step) => step.truth === 'unknown' || (step.truth === 'false' && meetsHost(step)))
    .map((step) =>
      hanging(
        `${step.truth === 'false' ? 'false  ' : 'unknown'}  ${step.action} ${ruleText(step.name)}, ${placeText(step.position)}: ${whyNot(step)}`,
        '  ',
      ),
    );
  return lines.length === 0 ? [] : ['', 'Passed over:', ...lines];
}

function noted({ authorization: { decision } }: Story): readonly string[] {
  if (decision.reported.length === 0) return [];
  return ['', 'Noted by:', ...decision.reported.map(({ name, position }) => `  report ${ruleText(name)}, ${placeText(position)}`)];
}

function considered(steps: readonly ExplainedRule[]): readonly string[] {
  if (steps.length === 0) return [];
  return ['', 'Rules considered, in order:', ...steps.flatMap(ruleLines)];
}

function ruleLines({ number, name, action, position, truth, criteria }: ExplainedRule): readonly string[] {
  const heading = `${String(number).padStart(3)}  ${truth.padEnd(7)}  ${action} ${ruleText(name)}  ${placeText(position)}`;
  return [heading, ...(criteria.length > 0 ? criteria.map(criterionLine) : ['       true     it asks nothing, so everything matches'])];
}

function criterionLine({ depth, truth, words }: ExplainedCriterion): string {
  return `       ${truth.padEnd(7)}  ${'  '.repeat(depth)}${words}`;
}

/**
 * For scripts, described in policies/README.md: members in snake_case and by the names that the access log gives them, positions and names as they
 * are, and no secrets, since a policy holds none.
 */
function asJson({ verdict, authorization, explanation, byAddress }: Story, asked: Asked): object {
  const { decision } = authorization;
  const { decidedBy, rule, position, awaits, reported } = decision;
  return {
    action: verdict,
    decided_by: decidedBy,
    rule: rule?.name ?? null,
    position,
    sentence: explanation.sentence,
    denial: decision.action === 'deny' ? denialMembers(rule?.denial ?? null) : null,
    cache: cacheMembers(cachedUnder(decision)),
    interception: verdict === 'intercept' ? interceptionMembers(rule?.interception ?? null) : null,
    accepted_certificates: forgivenUnder(decision),
    awaits,
    reported: reported.map(({ name, position: at }) => ({ rule: name, position: at })),
    request: requestMembers(asked),
    may_dial: authorization.addresses,
    addresses: byAddress,
    considered: explanation.steps,
  };
}

function denialMembers(denial: Denial | null): object | null {
  if (denial === null) return null;
  const { status, message, owner, requestAccess } = denial;
  return { status, message, owner, request_access: requestAccess };
}

function cacheMembers(cache: RuleCache | null): object | null {
  if (cache === null) return null;
  const { bypass, ttlSeconds, force, ignoreQuery, partition } = cache;
  return { bypass, ttl_seconds: ttlSeconds, force, ignore_query: ignoreQuery, partition };
}

function interceptionMembers(interception: RuleInterception | null): object | null {
  if (interception === null) return null;
  const { onPinned, passthroughSeconds, isRequired } = interception;
  return { on_pinned: onPinned, passthrough_seconds: passthroughSeconds, inspect_required: isRequired };
}

function requestMembers({ question, addresses }: Asked): object {
  const { method, scheme, host, port, pathAndQuery, fields, upgrade, listener, identity, hello, response } = question;
  return {
    ...{ method, scheme, host, port, path_and_query: pathAndQuery, fields, size: question.contentLength, upgrade },
    ...{ client: question.clientAddress, listener, identity, resolves_to: addresses, time: new Date(question.nowMs).toISOString() },
    ...{ tunnel_protocol: hello?.protocol ?? null, sni: hello?.serverName ?? null },
    response: response === null ? null : { types: response.contentTypes, size: response.contentLength },
  };
}

function capitalised(text: string): string {
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}`;
}
