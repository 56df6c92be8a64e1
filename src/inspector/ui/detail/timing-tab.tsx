// Owns where the time went: each step as a bar on one scale, and which way the exchange took meanwhile.
import type { RecordedExchange } from '../../../flows/recorded.ts';
import { type Step, stepsOf } from '../traffic/waterfall.tsx';
import { clockText, dateText, durationText } from '../words.ts';
import { Facts } from './facts.tsx';

export function TimingTab({ exchange: { summary, facts } }: { readonly exchange: RecordedExchange }) {
  const steps = stepsOf(summary);
  const total = Math.max(
    0.1,
    steps.reduce((sum, { ms }) => sum + ms, 0),
  );
  const starts = steps.map((_, at) => steps.slice(0, at).reduce((sum, { ms }) => sum + ms, 0));
  return (
    <div class="stack">
      <table class="timing">
        <tbody>
          {steps.map((step, at) => (
            <StepRow key={step.name} {...step} start={starts[at]!} total={total} />
          ))}
        </tbody>
        <tfoot>
          <tr class="timing-total">
            <th class="timing-name" scope="row">
              Total
            </th>
            <td />
            <td class="timing-length number">{summary.totalMs === null ? 'under way' : durationText(summary.totalMs)}</td>
          </tr>
        </tfoot>
      </table>
      <Facts
        rows={[
          ['Began', `${dateText(summary.startedAtMs)}, ${clockText(summary.startedAtMs)}`],
          ['Name resolved', facts.resolvedFrom === null ? null : (RESOLVED[facts.resolvedFrom] ?? facts.resolvedFrom)],
          [
            'Addresses',
            facts.judged.length === 0
              ? null
              : facts.judged.map(({ address, allowed, reason }) => (allowed ? address : `${address}, not permitted: ${reason}`)),
          ],
          [
            'Connection',
            facts.upstreamAddress === null
              ? null
              : `${facts.upstreamAddress}:${facts.upstreamPort}, ${facts.reusedConnection ? 'used again' : 'new'}`,
          ],
          ['Route', facts.route],
          [
            'Protocol',
            facts.upstreamProtocol === null
              ? null
              : `HTTP/${facts.upstreamProtocol} with the origin, HTTP/${summary.version} with the client`,
          ],
          ['Client', `${summary.client}:${facts.clientPort}, connection ${facts.connectionId}, on ${facts.listener}`],
        ]}
      />
      {facts.errorMessage !== null && <p class="problem">{facts.errorMessage}</p>}
    </div>
  );
}

function StepRow({ name, title, ms, start, total }: Step & { readonly start: number; readonly total: number }) {
  return (
    <tr>
      <th class="timing-name" scope="row">
        {title}
      </th>
      <td class="timing-bar">
        <span class={`step-${name}`} style={{ marginLeft: `${(100 * start) / total}%`, width: `${Math.max(0.4, (100 * ms) / total)}%` }} />
      </td>
      <td class="timing-length number">{durationText(ms)}</td>
    </tr>
  );
}

const RESOLVED: Readonly<Record<string, string>> = {
  literal: 'it is an address',
  hosts: 'by the hosts file',
  cache: 'remembered from before',
  resolver: 'by the resolver',
};
