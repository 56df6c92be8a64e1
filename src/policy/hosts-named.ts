// Owns which hosts a policy names, and the CONNECT to one of them, for whoever wants to ask it about hosts that mean something to it.
import type { Condition } from '../match/condition.ts';
import { type Question, usualGreeting } from '../match/question.ts';
import { visitLeaves } from './compile.ts';

/** One for each pattern and domain, each once; those in lists are not counted up. */
export function hostsNamed(conditions: readonly Condition[]): readonly string[] {
  const hosts = new Set<string>();
  for (const condition of conditions) {
    visitLeaves(condition, (leaf) => {
      if (leaf.kind === 'domain') for (const name of leaf.names) hosts.add(name);
      else if (leaf.kind === 'host') for (const { kind, name } of leaf.patterns) hosts.add(kind === 'exact' ? name : `host.${name}`);
    });
  }
  return [...hosts];
}

/** By nobody, from this machine, for TLS as usual. */
export function tunnelTo(host: string, port: number, nowMs: number): Question {
  return {
    method: 'CONNECT',
    scheme: 'tunnel',
    host,
    port,
    pathAndQuery: null,
    fields: [],
    contentLength: 0,
    upgrade: null,
    clientAddress: '127.0.0.1',
    listener: '',
    identity: 'nobody',
    address: null,
    hello: usualGreeting(host),
    response: null,
    nowMs,
  };
}
