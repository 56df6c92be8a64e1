// Owns joining the parts of one set to the line that exchanges run on (exchange/run-exchange.ts), and that line to the connections that feed it. What is
// joined here runs for every request; it is made once.
import { deliverError } from '../exchange/deliver.ts';
import { hookedStages } from '../exchange/hooks.ts';
import type { Interception } from '../exchange/interception.ts';
import { behind } from '../exchange/revalidate-behind.ts';
import { type ExchangeContext, runExchange, type Stages } from '../exchange/run-exchange.ts';
import { createStages } from '../exchange/stages.ts';
import type { EmitFlow } from '../flows/flow.ts';
import type { ConnectionContext } from '../listeners/client-connection.ts';
import { judgeAddress } from '../policy/address-guard.ts';
import { createAuthorize } from '../policy/authorize.ts';
import { createUpstream, type IsAddressAllowed, type Upstream } from '../upstream/forward.ts';
import { createInterception } from './interception.ts';
import type { LastingParts } from './lasting-parts.ts';
import type { OpenedParts, Parts } from './parts.ts';

/** Exchanges that begin on its connections run on the line that holds by then. */
export function createLine(opened: OpenedParts, lasting: LastingParts): Pick<Parts, 'exchange' | 'connection'> {
  const emit = createEmit(lasting);
  return { exchange: createExchangeContext(opened, emit, lasting), connection: createConnectionContext(opened, emit, lasting) };
}

function createExchangeContext(opened: OpenedParts, emit: EmitFlow, lasting: LastingParts): ExchangeContext {
  const { config, certification } = opened;
  const { hooks, trusting, deadlines, tunnels, underWay, report } = lasting;
  const via = config.viaName ?? lasting.madeName;
  const stages = stagesOf(opened, via, emit, lasting);
  return {
    stages: underWay.limited(hooks === null ? stages : hookedStages(stages, hooks), config.listener),
    via,
    pac: config.pac,
    onboarding: { certificate: certification?.authority.anchor ?? null, trusting },
    date: lasting.date,
    deadlines,
    tunnelIdleTimeoutMs: config.listener.tunnelIdleTimeoutMs,
    tunnels,
    interception: interceptionOf(opened, lasting),
    emit,
    reportDefect: (error) =>
      report(`a defect ended one exchange: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`),
  };
}

function createConnectionContext({ config }: OpenedParts, emit: EmitFlow, lasting: LastingParts): ConnectionContext {
  return {
    options: config.listener,
    deadlines: lasting.deadlines,
    emit,
    startExchange: (incoming) => void runExchange(lasting.recorded(incoming), lasting.current.exchange),
    answerUnreadable: (incoming, error) => deliverError(lasting.recorded(incoming), error, null, lasting.current.exchange),
  };
}

function createEmit({ underWay, ended }: LastingParts): EmitFlow {
  return (flow) => {
    underWay.ended(flow);
    flow.lease?.release();
    ended.add(flow);
  };
}

function stagesOf(opened: OpenedParts, via: string, emit: EmitFlow, lasting: LastingParts): Stages {
  const { policy, authenticator, cache } = opened;
  const { rewriting, deadlines, ownSockets, admit } = lasting;
  const isAddressAllowed: IsAddressAllowed = (address, port, question) => judgeAddress(address, port, question, ownSockets.all);
  return createStages({
    authenticator,
    authorize: createAuthorize(policy, addressesBy(opened), Date.now),
    rewriting: rewriting === null ? null : (rejudge) => rewriting.stages(rejudge, deadlines),
    admit,
    isAddressAllowed,
    upstream: upstreamOf(opened, isAddressAllowed, lasting),
    cache: cache?.context ?? null,
    revalidateBehind: (answered) => void runExchange(lasting.recorded(behind(answered, emit)), lasting.current.exchange),
    via,
  });
}

function upstreamOf(
  { config, originTls, resolver, route, pool }: OpenedParts,
  isAddressAllowed: IsAddressAllowed,
  lasting: LastingParts,
): Upstream {
  const { buffers, tunnelBuffers, deadlines } = lasting;
  return createUpstream({
    options: config.upstream,
    buffers,
    tunnelBuffers,
    deadlines,
    tls: originTls,
    resolver,
    route,
    pool,
    isAddressAllowed,
  });
}

function interceptionOf({ config, certification, originTls }: OpenedParts, lasting: LastingParts): Interception {
  const { deadlines, pinned, trusting, intercepted, nextConnectionId } = lasting;
  const { keyLog } = originTls;
  return createInterception({
    deadlines,
    timeouts: config.listener,
    contexts: certification?.contexts ?? null,
    pinned,
    trusting,
    connections: intercepted,
    nextConnectionId,
    logKeys: keyLog === null ? null : (socket) => keyLog.log(socket),
  });
}

/** What a name stands for, as the policy is to judge it; `null` where a parent proxy resolves it. */
function addressesBy({
  resolver,
  route,
}: OpenedParts): (host: string, port: number) => readonly string[] | Promise<readonly string[]> | null {
  return (host, port) => {
    if (route(host, port).kind === 'parent') return null;
    const resolved = resolver.resolve(host);
    return resolved instanceof Promise ? resolved.then(({ addresses }) => addresses) : resolved.addresses;
  };
}
