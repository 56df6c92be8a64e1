// Owns a worker's end of its link to the keeper: joining it, again whenever the keeper is started anew, and what of the keeper a worker has.
import type { WorkerParts } from '../proxy/shared-parts.ts';

/**
 * @param socketPath that the keeper listens on; it is waited for, as long as a start may take
 * @param workerNumber for the operator
 * @param report a line for the operator
 * @throws StartError where no keeper answers
 */
export function joinKeeper(socketPath: string, workerNumber: number, report: (line: string) => void): Promise<WorkerParts> {
  return Promise.reject(new Error(`not there yet: ${socketPath}, ${workerNumber}, ${report.length}`));
}
