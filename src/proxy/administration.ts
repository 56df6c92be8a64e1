// Owns what a running proxy is asked by its user: the admin API and, behind it, the inspector. Loaded where somebody could ask, and nowhere else.
import { fileURLToPath } from 'node:url';
import type { AdminServer } from '../admin/admin-server.ts';
import { openAdmin } from '../admin/open-admin.ts';
import { PageFiles } from '../admin/page-files.ts';
import { CACHE_RULE_DEFAULTS } from '../cache/rules/options.ts';
import type { Config } from '../config/config.ts';
import { runExchange } from '../exchange/run-exchange.ts';
import type { Inspector } from '../inspector/inspector.ts';
import type { ListeningSocket } from '../policy/address-guard.ts';
import { cacheAdminOf } from './caching.ts';
import { createInspector } from './inspection.ts';
import type { LastingParts } from './lasting-parts.ts';
import { summaryOf } from './tested-policy.ts';
import type { WorkerCounts } from './worker-counts.ts';

export class Administration {
  readonly #inspector: Inspector;
  /** `null` where nothing can be served. */
  readonly #server: AdminServer | null;

  /** @param counts of this process @throws StartError for its address */
  static async open(config: Config, lasting: LastingParts, counts: () => WorkerCounts): Promise<Administration> {
    const inspector = inspectorOf(config, lasting, counts);
    try {
      const server = await openAdmin(config, {
        // The one that was started, under which its user knows the proxy: a keeper is its child, and may be another one tomorrow.
        processId: lasting.shared === null ? process.pid : process.ppid,
        answer: (asked) => inspector.answer(asked),
        live: (socket) => inspector.welcome(socket),
        page: new PageFiles(PAGE_FOLDER),
        report: lasting.report,
      });
      return new Administration(inspector, server);
    } catch (error) {
      inspector.close();
      throw error;
    }
  }

  private constructor(inspector: Inspector, server: AdminServer | null) {
    this.#inspector = inspector;
    this.#server = server;
  }

  /** Path of its Unix socket. */
  get socket(): string | null {
    return this.#server?.socket ?? null;
  }

  /** Where it is served besides; it is no destination. */
  get bound(): ListeningSocket | null {
    return this.#server?.bound ?? null;
  }

  newLink(): string | null {
    return this.#server?.newLink() ?? null;
  }

  /** @throws StartError, and it stays where it was */
  async listenOn(wanted: Config['admin']): Promise<void> {
    await this.#server?.listenOn(wanted);
  }

  async close(): Promise<void> {
    this.#inspector.close();
    await this.#server?.close();
  }
}

function inspectorOf({ record }: Config, lasting: LastingParts, counts: () => WorkerCounts): Inspector {
  const { recording, rewriting, shared, nextConnectionId } = lasting;
  return createInspector({
    recording,
    rewriting,
    record,
    workers: shared?.role === 'keeper' ? shared.workers : null,
    counts,
    policy: () => lasting.current.policy,
    policySummary: () => summaryOf(lasting.current.policy),
    cache: () => cacheAdminOf(lasting),
    cacheRules: () => lasting.parts?.config.cache?.rules ?? CACHE_RULE_DEFAULTS,
    authority: () => lasting.current.certification?.authority ?? null,
    nextConnectionId,
    emit: () => lasting.current.connection.emit,
    recorded: (incoming) => lasting.recorded(incoming),
    run: (incoming) => void runExchange(incoming, lasting.current.exchange),
  });
}

/** As Vite has built it: beside the sources, or beside what they were compiled to. */
const PAGE_FOLDER = fileURLToPath(new URL(import.meta.url.endsWith('.ts') ? '../../dist/inspector' : '../inspector', import.meta.url));
