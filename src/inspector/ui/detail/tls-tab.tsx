// Owns what is known of TLS on both sides: how the client greeted, and what the origin showed of itself.
import type { RecordedExchange } from '../../../flows/recorded.ts';
import { agoText, counted, dayText } from '../words.ts';
import { Facts } from './facts.tsx';

type OriginTls = NonNullable<RecordedExchange['facts']['originTls']>;

export function TlsTab({ exchange: { summary, facts } }: { readonly exchange: RecordedExchange }) {
  const { hello, originTls } = facts;
  return (
    <div class="stack">
      {hello !== null && (
        <section>
          <h3>From the client</h3>
          <Facts
            rows={[
              ['Server name', hello.serverName ?? 'none'],
              ['Protocols', hello.alpn.join(', ') || 'none offered'],
              ['JA4', hello.ja4],
              ['Became', summary.interception],
              ['Because', facts.interceptionReason],
            ]}
          />
        </section>
      )}
      {originTls !== null && <Origin tls={originTls} atMs={summary.startedAtMs} />}
    </div>
  );
}

function Origin({ tls: { version, certificate, isResumed, acceptedFaults }, atMs }: { readonly tls: OriginTls; readonly atMs: number }) {
  const daysLeft = Math.floor((certificate.validToMs - atMs) / DAY_MS);
  return (
    <section>
      <h3>From the origin</h3>
      {acceptedFaults.length > 0 && (
        <p class="problem">The policy forgave its certificate: {acceptedFaults.join(', ').replaceAll('_', ' ')}.</p>
      )}
      <Facts
        rows={[
          ['Version', `${version ?? 'not known'}${isResumed ? ', session resumed' : ''}`],
          [
            'Valid',
            `${dayText(certificate.validFromMs)} to ${dayText(certificate.validToMs)}, ${daysLeft < 0 ? `over since ${agoText(certificate.validToMs, atMs)}` : `${counted(daysLeft, 'day')} left then`}`,
          ],
          ['Names', certificate.names.split(', ').map((name) => name.replace(/^(?:DNS|IP Address):/, ''))],
        ]}
      />
      <h3>Certificates</h3>
      <ol class="chain">
        <Certificate {...certificate} />
        {certificate.chain.map((above) => (
          <Certificate key={above.fingerprint256} {...above} />
        ))}
      </ol>
    </section>
  );
}

function Certificate({
  subject,
  issuer,
  fingerprint256,
}: {
  readonly subject: string;
  readonly issuer: string;
  readonly fingerprint256: string;
}) {
  return (
    <li>
      <strong>{nameOf(subject)}</strong>
      <span class="soft">{subject === issuer ? 'a root' : `issued by ${nameOf(issuer)}`}</span>
      <details>
        <summary>Details</summary>
        <Facts
          rows={[
            ['Subject', subject.split('\n')],
            ['Issuer', issuer.split('\n')],
            ['SHA-256', fingerprint256],
          ]}
        />
      </details>
    </li>
  );
}

/** The common name, or the whole. */
function nameOf(subject: string): string {
  return /^CN=(.*)$/m.exec(subject)?.[1] ?? subject.replaceAll('\n', ', ');
}

const DAY_MS = 86_400_000;
