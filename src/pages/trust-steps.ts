// Owns the words by which somebody trusts our certificate, and stops trusting it, on each platform: short steps, with a command where there is one.
// What may be foreign in them, the certificate's name and our address, comes in and is made harmless by whoever shows them.
import { PLATFORMS, type Platform } from './platform.ts';

export interface Step {
  readonly text: string;
  /** For a terminal; `null` where the step is done by hand. */
  readonly command: string | null;
}

export interface TrustSteps {
  readonly title: string;
  /** What the platform opens: DER or PEM, by the path it is served under. */
  readonly path: '/certificate.cer' | '/certificate.crt';
  readonly trust: readonly Step[];
  readonly remove: readonly Step[];
  /** What surprises people there; `null` if nothing does. */
  readonly note: string | null;
}

/** What browsers save each form as. */
export const FILE_NAMES = {
  '/certificate.cer': 'sallyport-ca.cer',
  '/certificate.crt': 'sallyport-ca.crt',
  '/certificate.pem': 'sallyport-ca.pem',
} as const;

/**
 * @param name the certificate's common name, as lists of certificates show it
 * @param base our address, as the client reaches it: `http://127.0.0.1:8080`
 * @param isDirect not through the proxy: a program that has it set must not ask it for its own address
 */
export function trustSteps(platform: Platform, name: string, base: string, isDirect: boolean): TrustSteps {
  return {
    title: PLATFORMS[platform],
    ...STEPS[platform](name, `curl${isDirect ? " --noproxy '*'" : ''} -o ${CRT} ${base}/certificate.crt`),
  };
}

/** A name may be the operator's own; one that could end its quotes in a terminal stands there as a blank to fill in. */
function asArgument(name: string): string {
  return /^[\p{L}\p{N} .,()_-]+$/u.test(name) ? `"${name}"` : '"NAME"';
}

const CRT = FILE_NAMES['/certificate.crt'];
const CER = FILE_NAMES['/certificate.cer'];

const STEPS: Readonly<Record<Platform, (name: string, download: string) => Omit<TrustSteps, 'title'>>> = {
  windows: (name) => ({
    path: '/certificate.cer',
    trust: [
      byHand(`Open ${CER} and choose Install Certificate.`),
      byHand('Choose Current User, or Local Machine if everybody on this computer should trust it.'),
      byHand('Choose "Place all certificates in the following store", then Trusted Root Certification Authorities, and finish.'),
      typed('Or do the same in a terminal:', `certutil -user -addstore Root ${CER}`),
    ],
    remove: [
      byHand(`Run certmgr.msc (certlm.msc for the whole computer), open Trusted Root Certification Authorities, and delete ${name}.`),
      typed('Or in a terminal:', `certutil -user -delstore Root ${asArgument(name)}`),
    ],
    note: null,
  }),
  macos: (name) => ({
    path: '/certificate.cer',
    trust: [
      byHand(`Open ${CER}; Keychain Access adds it to your login keychain.`),
      byHand(`Double-click ${name} there, open Trust, and choose Always Trust for "When using this certificate".`),
      typed(
        'Or, for everybody on this Mac, in Terminal:',
        `sudo security add-trusted-cert -d -r trustRoot -k /Library/Keychains/System.keychain ${CER}`,
      ),
    ],
    remove: [
      byHand(`In Keychain Access, delete ${name}.`),
      typed('Or in Terminal:', `sudo security delete-certificate -c ${asArgument(name)} /Library/Keychains/System.keychain`),
    ],
    note: 'An iPad may look like a Mac to this page: then choose iPhone and iPad.',
  }),
  ios: (name) => ({
    path: '/certificate.cer',
    trust: [
      byHand('Open this page in Safari, download the certificate and allow the profile.'),
      byHand(`In Settings, open Profile Downloaded (or General, VPN & Device Management), choose ${name} and Install.`),
      byHand(`In Settings, General, About, Certificate Trust Settings, switch ${name} on.`),
    ],
    remove: [byHand(`In Settings, General, VPN & Device Management, choose ${name} and Remove Profile.`)],
    note: 'Without the last step it is installed, and not trusted.',
  }),
  android: (name) => ({
    path: '/certificate.crt',
    trust: [
      byHand('In Settings, search for "CA certificate" (Security, Encryption & credentials, Install a certificate).'),
      byHand(`Choose CA certificate, then Install anyway, and choose ${CRT}.`),
    ],
    remove: [byHand(`In Settings, Encryption & credentials, User credentials, choose ${name} and Remove.`)],
    note: 'Chrome believes it. Most other apps trust only what came with the system, unless they say otherwise. In Firefox, tap the logo under About Firefox five times; then switch on "Use third party CA certificates" in Secret Settings.',
  }),
  debian: (_, download) => ({
    path: '/certificate.crt',
    trust: [
      typed('Get the certificate:', download),
      typed('Put it where the system looks, and tell it:', `sudo install -m 644 ${CRT} /usr/local/share/ca-certificates/`),
      typed('', 'sudo update-ca-certificates'),
    ],
    remove: [
      typed('Take it out again:', `sudo rm /usr/local/share/ca-certificates/${CRT}`),
      typed('', 'sudo update-ca-certificates --fresh'),
    ],
    note: 'This is for curl, git, Python of the system and many more; Firefox, Chromium, Java and Node.js have lists of their own.',
  }),
  fedora: (_, download) => ({
    path: '/certificate.crt',
    trust: [
      typed('Get the certificate:', download),
      typed('Put it where the system looks, and tell it:', `sudo install -m 644 ${CRT} /etc/pki/ca-trust/source/anchors/`),
      typed('', 'sudo update-ca-trust'),
    ],
    remove: [typed('Take it out again:', `sudo rm /etc/pki/ca-trust/source/anchors/${CRT}`), typed('', 'sudo update-ca-trust')],
    note: 'This is for curl, git, Python and Java of the system and many more; Firefox may, and Node.js does have a list of its own.',
  }),
  firefox: (name) => ({
    path: '/certificate.crt',
    trust: [
      byHand('Choose the download above: Firefox asks what to do with it.'),
      byHand('Choose "Trust this CA to identify websites" and OK.'),
      byHand(`If it was saved instead: Settings, Privacy & Security, View Certificates, Authorities, Import, and choose ${CRT}.`),
    ],
    remove: [byHand(`In Settings, Privacy & Security, View Certificates, Authorities, choose ${name} and Delete or Distrust.`)],
    note: 'On Windows and macOS, Firefox also believes what the system trusts.',
  }),
  'chromium-linux': (_, download) => ({
    path: '/certificate.crt',
    trust: [
      typed('Have the tool (on Fedora it is in nss-tools):', 'sudo apt-get install libnss3-tools'),
      typed('Get the certificate:', download),
      typed('Add it to the list of Chromium and Chrome:', `certutil -d sql:$HOME/.pki/nssdb -A -t C,, -n sallyport -i ${CRT}`),
    ],
    remove: [typed('Take it out again:', 'certutil -d sql:$HOME/.pki/nssdb -D -n sallyport')],
    note: 'Chromium from a Snap or a Flatpak keeps this list in its own folder. Start it anew after the change.',
  }),
  java: (_, download) => ({
    path: '/certificate.crt',
    trust: [
      typed('Get the certificate:', download),
      typed(
        'Add it to the list of this Java, once its fingerprint is right:',
        `keytool -importcert -cacerts -storepass changeit -alias sallyport -file ${CRT}`,
      ),
    ],
    remove: [typed('Take it out again:', 'keytool -delete -cacerts -storepass changeit -alias sallyport')],
    note: 'Each Java that is installed has a list of its own.',
  }),
  'command-line': (_, download) => ({
    path: '/certificate.crt',
    trust: [
      typed('Get the certificate:', download),
      typed('Give it to one program:', `curl --cacert ${CRT} https://example.com/`),
      typed('', `git -c http.sslCAInfo=${CRT} fetch`),
      typed('', `NODE_EXTRA_CA_CERTS=${CRT} node program.js`),
      typed('Or, where Sallyport is installed, let it do that for any program:', 'sallyport run -- COMMAND'),
    ],
    remove: [typed('Nothing but the file stays behind:', `rm ${CRT}`)],
    note: 'But for Node.js, each of these trusts this certificate alone, and then only opened tunnels. For the whole system choose yours from the list.',
  }),
};

function byHand(text: string): Step {
  return { text, command: null };
}

function typed(text: string, command: string): Step {
  return { text, command };
}
