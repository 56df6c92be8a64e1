// Owns the page of the certificates: the CA that opened tunnels are vouched for by, and how a machine or a program comes to trust it.
import { useSignal } from '@preact/signals';
import { detectPlatform, PLATFORMS } from '../../../pages/platform.ts';
import { useAsked } from '../asked.ts';
import { Facts } from '../detail/facts.tsx';
import { Icon } from '../icons.tsx';
import { attempt, copyText, saveFile } from '../shell/actions.ts';
import type { Certificates, TrustStep } from '../wire.ts';
import { dayText, octetsOf } from '../words.ts';
import { Loading, PageBody, Section } from './parts.tsx';

export function CertificatesPage() {
  const { value, hasCome, problem } = useAsked<Certificates | null>('/api/certificates');
  if (!hasCome) return <Loading problem={problem} />;
  return <PageBody>{value === null ? <NoAuthority /> : <Authority {...value} />}</PageBody>;
}

function NoAuthority() {
  return (
    <div class="empty">
      <strong>Tunnels stay closed</strong>
      <p>
        The policy opens none, so what is inside of https passes unseen and no certificate is needed. A rule with <code>intercept</code>{' '}
        opens tunnels to the hosts that it names; <code>sallyport ca init</code> makes the certificate for that.
      </p>
    </div>
  );
}

function Authority({ subject, fingerprint256, notBeforeMs, notAfterMs, pem, steps }: Certificates) {
  return (
    <>
      <Section
        title="The CA of this proxy"
        actions={
          <>
            <button type="button" class="button" onClick={() => saveFile('sallyport-ca.pem', pem, 'application/x-pem-file')}>
              <Icon name="save" size={14} /> Save as PEM
            </button>
            <button type="button" class="button" onClick={() => attempt(() => copyText(pem, 'the certificate'))}>
              <Icon name="copy" size={14} /> Copy
            </button>
          </>
        }
      >
        <Facts
          rows={[
            ['Name', subject],
            ['Valid', `${dayText(notBeforeMs)} to ${dayText(notAfterMs)}`],
            ['SHA-256', fingerprint256],
          ]}
        />
        <p class="soft">
          <code>sallyport doctor</code> tells which programs of this machine trust it. Another device that has the proxy set opens
          http://sallyport.invalid/ in its browser.
        </p>
      </Section>
      {steps.length > 0 && <Trusting steps={steps} pem={pem} />}
    </>
  );
}

function Trusting({ steps, pem }: Pick<Certificates, 'steps' | 'pem'>) {
  const own = PLATFORMS[detectPlatform(navigator.userAgent, undefined)];
  // Whoever reads this most often sits at the machine that is to trust it.
  const all = steps.toSorted((a, b) => Number(b.platform === own) - Number(a.platform === own));
  const chosen = useSignal(0);
  const { platform, path, trust, remove, note } = all[chosen.value]!;
  const isDer = path.endsWith('.cer');
  const file = isDer ? 'sallyport-ca.cer' : 'sallyport-ca.crt';
  return (
    <Section
      title="Trust it"
      actions={
        <button type="button" class="button" onClick={() => saveFile(file, isDer ? derOf(pem) : pem, 'application/x-x509-ca-cert')}>
          <Icon name="save" size={14} /> Save {file}
        </button>
      }
    >
      <fieldset class="choice">
        <legend class="unseen">On</legend>
        {all.map((each, at) => (
          <button key={each.platform} type="button" aria-pressed={at === chosen.value} onClick={() => (chosen.value = at)}>
            {each.platform}
          </button>
        ))}
      </fieldset>
      <Steps title={`On ${platform}`} steps={trust} />
      {note !== null && <p class="soft">{note}</p>}
      <Steps title="And not any more" steps={remove} />
    </Section>
  );
}

function Steps({ title, steps }: { readonly title: string; readonly steps: readonly TrustStep[] }) {
  return (
    <div class="trust-steps">
      <h3>{title}</h3>
      <ol>
        {steps.map(({ text, command }) => (
          <li key={text}>
            {text}
            {command !== null && (
              <div class="step-command">
                <code>{command}</code>
                <button
                  type="button"
                  class="quiet"
                  aria-label="Copy the command"
                  title="Copy"
                  onClick={() => attempt(() => copyText(command, 'the command'))}
                >
                  <Icon name="copy" size={14} />
                </button>
              </div>
            )}
          </li>
        ))}
      </ol>
    </div>
  );
}

/** What a PEM is around. */
function derOf(pem: string): Uint8Array<ArrayBuffer> {
  return octetsOf(pem.replace(/-----[^-]+-----|\s/g, ''));
}
