// Owns what the API says to somebody who wants a denied request to pass: lines for the policy, which nothing here changes.
import { type AdminAnswer, BadQuestion, valueAnswer } from '../admin/answers.ts';
import { allowing } from '../policy/allowing.ts';
import type { CompiledPolicy } from '../policy/compile.ts';
import type { Route, RouteAsked } from './route.ts';
import { exchangeAsked, type Recording, SESSION } from './traffic-routes.ts';

/** @param policy  that of the moment */
export function allowRoutes(recording: Recording, policy: () => CompiledPolicy): readonly Route[] {
  const route = {
    path: '/api/exchanges/{id}/allow',
    summary: 'What the policy would need so that this host passes: a rule, and a test for it. Nothing is changed',
    query: { session: SESSION },
    answers: '{policy, test, why}: lines of YAML, and where they go',
    answer: (asked: RouteAsked) => answerAllowing(recording, policy(), asked),
  };
  return [
    { ...route, method: 'GET' },
    { ...route, method: 'POST' },
  ];
}

async function answerAllowing(recording: Recording, { policy }: CompiledPolicy, asked: RouteAsked): Promise<AdminAnswer> {
  const { summary, facts } = await exchangeAsked(recording, asked);
  const { method, scheme, host, port, path } = summary;
  if (scheme === '') throw new BadQuestion('The request could not be understood, so that no rule can be about it.', 409);
  const { decision } = facts;
  const names = new Set(policy.rules.flatMap(({ name }) => name ?? []));
  const isDenied = decision?.action === 'deny';
  const decidedAt = decision === null ? null : `${decision.file.split(/[\\/]/).at(-1)}:${decision.line}`;
  const prohibited =
    summary.error === 'destination_ip_prohibited' ? facts.judged.filter(({ allowed }) => !allowed).map(({ address }) => address) : [];
  // The lines are there to be kept, and a query may hold a secret.
  const pathAndQuery = path.split('?', 1)[0]!;
  const request = { method, scheme, host: host.replace(/^\[|\]$/g, ''), port, pathAndQuery, decidedAt, isDenied, prohibited };
  return valueAnswer(allowing(request, names, policy.connectPorts));
}
