// Owns who counts what rules limit: this process, which then keeps the octets of the day over restarts, or the one that several processes ask. Counts go
// on through a reload.
import { ByteRate } from '../net/byte-rate.ts';
import type { Deadlines } from '../net/deadlines.ts';
import { DailyBytes } from '../policy/limits/daily-bytes.ts';
import { type Admit, Limits } from '../policy/limits/limits.ts';
import { openQuotaFile } from '../policy/limits/quota-file.ts';
import type { SharedParts } from './shared-parts.ts';

export interface Admission {
  readonly admit: Admit;
  close(): Promise<void>;
}

/**
 * @param stateFolder of the octets of the day; `null` counts them anew at every start
 * @param report a line for the operator
 */
export async function openAdmission(
  stateFolder: string | null,
  shared: SharedParts | null,
  deadlines: Deadlines,
  report: (line: string) => void,
): Promise<Admission> {
  const createRate = (bytesPerSecond: number): ByteRate => new ByteRate(bytesPerSecond, deadlines);
  if (shared?.role === 'worker') return { admit: shared.openLimits(createRate), close: async () => {} };
  const quotas = stateFolder === null ? null : await openQuotaFile(stateFolder, report);
  const dailyBytes = quotas?.dailyBytes ?? new DailyBytes(Date.now);
  const limits = new Limits(createRate, dailyBytes);
  shared?.shareLimits(limits, dailyBytes);
  return { admit: limits.admit, close: async () => await quotas?.close() };
}
