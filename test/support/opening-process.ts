// The proxy as a process of its own that opens tunnels, and what real programs need besides: the certificate that they are to trust.
import { mkdtempSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { type ProxyProcess, runProxy } from './run-proxy.ts';
import type { TemporaryCa } from './temp-ca.ts';

export interface OpeningProcess extends ProxyProcess {
  /** PEM, of the authority that clients have to trust. */
  readonly authorityFile: string;
}

export interface OpeningFiles {
  /** `--config` and `--policy` with their files. */
  readonly words: readonly string[];
  readonly authorityFile: string;
}

export const OPENS_LOCALHOST = '  - intercept: { host: localhost }\n';

/** @param ca whom the proxy trusts beside the world: that of the origins */
export async function runOpeningProxy(folder: string, ca: TemporaryCa, rules = OPENS_LOCALHOST): Promise<OpeningProcess> {
  const { words, authorityFile } = writeOpeningFiles(folder, ca, rules);
  return Object.assign(await runProxy(...words), { authorityFile });
}

/** Configuration and policy of such a proxy, in a folder of its own, where its authority will lie, too. */
export function writeOpeningFiles(folder: string, ca: TemporaryCa, rules = OPENS_LOCALHOST): OpeningFiles {
  const own = mkdtempSync(path.join(folder, 'proxy-'));
  const policy = path.join(own, 'policy.yaml');
  const config = path.join(own, 'sallyport.yaml');
  const authority = path.join(own, 'authority');
  writeFileSync(policy, `version: 1\ndefault: deny\nconnect_ports: any\nrules:\n${rules}`);
  writeFileSync(config, JSON.stringify({ tls: { roots: ca.certFile, ca_dir: authority } }));
  return { words: ['--config', config, '--policy', policy], authorityFile: path.join(authority, 'ca.crt') };
}
