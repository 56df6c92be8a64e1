// Owns the joint between the proxy and its inspector: the facts that the page shows of what runs, and exchanges that it begins.
import type { CacheAdmin } from '../cache/cache-admin.ts';
import type { CacheRuleOptions } from '../cache/rules/options.ts';
import type { Incoming } from '../exchange/exchange.ts';
import { incomingOf, type RequestToSend } from '../exchange/send-anew.ts';
import type { EmitFlow } from '../flows/flow.ts';
import { RECORD_DEFAULTS, type RecordOptions } from '../flows/options.ts';
import { maskRules } from '../flows/redact/rules.ts';
import { Inspector } from '../inspector/inspector.ts';
import { metricsPage } from '../observe/metrics.ts';
import { PLATFORMS, type Platform } from '../pages/platform.ts';
import { trustSteps } from '../pages/trust-steps.ts';
import type { CompiledPolicy } from '../policy/compile.ts';
import type { CertificateAuthority } from '../tls/authority.ts';
import { ownVersion } from './own-version.ts';
import type { Recording } from './recording.ts';
import type { Rewriting } from './rewriting.ts';
import type { Workers } from './shared-parts.ts';
import { rulesOfAll } from './shared-rules.ts';
import { sumOfWorkers, type WorkerCounts } from './worker-counts.ts';

export interface InspectionParts {
  readonly recording: Recording | null;
  /** `null` changes nothing. */
  readonly rewriting: Rewriting | null;
  /** As it was at the start; `null` records nothing. */
  readonly record: RecordOptions | null;
  /** Where the process is the keeper of several; `null` where it is all of the proxy. */
  readonly workers: Workers | null;
  /** Of this process. */
  readonly counts: () => WorkerCounts;
  readonly policy: () => CompiledPolicy;
  readonly policySummary: () => string;
  readonly cache: () => CacheAdmin | null;
  readonly cacheRules: () => CacheRuleOptions;
  readonly authority: () => CertificateAuthority | null;
  /** Of a connection that there is none of. */
  readonly nextConnectionId: () => number;
  readonly emit: () => EmitFlow;
  readonly recorded: (incoming: Incoming) => Incoming;
  /** Puts it on the line. */
  readonly run: (incoming: Incoming) => void;
}

export function createInspector(parts: InspectionParts): Inspector {
  const { recording, rewriting, record, workers } = parts;
  const startedAtMs = Date.now();
  const version = ownVersion();
  const inspector = new Inspector({
    version,
    store: () => recording?.store ?? null,
    active: (id) => recording?.recorder.active(id) ?? workers?.active(id) ?? null,
    // What is held or stored has secrets where nothing is recorded, too.
    masks: record?.secrets === 'shown' ? null : maskRules((record ?? RECORD_DEFAULTS).redact),
    rewriting: rewriting === null || workers === null ? rewriting : rulesOfAll(rewriting, workers),
    sessionBase: () => recording?.store.base ?? 0,
    policy: parts.policy,
    policyDigest: () => recording?.policyDigest ?? null,
    cacheRules: parts.cacheRules,
    cache: parts.cache,
    facts: () => {
      const { listening, openConnections, dropped } = countsOfAll(parts);
      return {
        version,
        node: process.versions.node,
        processId: process.pid,
        startedAtMs,
        listening,
        policy: parts.policySummary(),
        openConnections,
        secrets: record?.secrets ?? null,
        dropped: recording === null ? null : dropped,
      };
    },
    certificates: () => certificatesOf(parts.authority(), countsOfAll(parts).listening[0] ?? null),
    metrics: async () => {
      const counts = workers === null ? parts.counts() : sumOfWorkers([parts.counts(), await workers.freshCounts()]);
      return metricsPage(counts.metrics, { ...counts, startedAtMs });
    },
    send: (request, replayOf) => sendAnew(request, replayOf, parts),
  });
  if (recording !== null) inspector.listenTo(recording.store);
  return inspector;
}

/** As far as it is known at once. */
function countsOfAll({ counts, workers }: InspectionParts): WorkerCounts {
  return workers === null ? counts() : sumOfWorkers([counts(), workers.counts]);
}

/** @returns its id in the session */
function sendAnew(
  request: RequestToSend,
  replayOf: number | null,
  { nextConnectionId, emit, recorded, run, recording }: InspectionParts,
): number {
  const incoming = recorded(incomingOf(request, nextConnectionId(), emit()));
  if (incoming.flow.capture !== null) incoming.flow.capture.replayOf = replayOf;
  run(incoming);
  return (recording?.store.base ?? 0) + incoming.flow.id;
}

/** The certificate, which is public, and how programs come to trust it. */
function certificatesOf(authority: CertificateAuthority | null, address: string | null): object | null {
  if (authority === null) return null;
  const { anchor, notBeforeMs, notAfterMs } = authority;
  const platforms = Object.keys(PLATFORMS) as Platform[];
  return {
    subject: anchor.subject,
    fingerprint256: anchor.fingerprint256,
    notBeforeMs,
    notAfterMs,
    pem: anchor.toString(),
    steps:
      address === null
        ? []
        : platforms.map((platform) => ({
            platform: PLATFORMS[platform],
            ...trustSteps(platform, commonName(anchor.subject), address, true),
          })),
  };
}

/** As trust stores list it. */
function commonName(subject: string): string {
  return /^CN=(.*)$/m.exec(subject)?.[1] ?? subject;
}
