// Owns the keeper: the process that has what must be there once, and to which workers are linked.
import type { Config } from '../config/config.ts';

export interface Keeper {
  /** A link to the inspector that signs in whoever opens it first; `null` where it is served on no address. */
  inspectorLink(): string | null;
  /** Path of the Unix socket on which commands ask; `null` where there is none. */
  readonly adminSocket: string | null;
  /** All or nothing. @throws StartError, and everything stays as it was */
  reload(config: Config): Promise<void>;
  reopenLogs(): void;
  close(): Promise<void>;
}

/**
 * @param config that of the workers; where they listen is left out of account
 * @param socketPath of a Unix socket that is made here, in a folder of this user alone
 * @param report a line for the operator
 * @throws StartError with every problem
 */
export function startKeeper(config: Config, socketPath: string, report: (line: string) => void): Promise<Keeper> {
  return Promise.reject(new Error(`not there yet: ${config.policyFile}, ${socketPath}, ${report.length}`));
}
