// A proxy that opens tunnels, the origins behind them, and clients that believe its certificates: the opposite of tunnels.ts, which passes them.
import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import type { ConnectionOptions } from 'node:tls';
import type { Config } from '../../src/config/config.ts';
import { LEAF_DEFAULTS } from '../../src/tls/options.ts';
import { connectRaw, type RawClient } from './raw-client.ts';
import { startTestProxy, type TestConfig, type TestProxy, testConfig } from './start-proxy.ts';
import type { TemporaryCa } from './temp-ca.ts';

export interface OpeningProxy extends TestProxy {
  /** PEM, of the authority that clients have to trust. */
  readonly authority: string;
  readonly authorityFile: string;
  /** What it was started with; its policy file may be written anew. */
  readonly config: Config;
}

export interface Opening {
  /** Of the rules: the item that opens, and whatever stands before and behind it. */
  readonly rules?: string;
  readonly policy?: string;
  readonly config?: TestConfig;
}

/** @param ca whom the proxy trusts beside the world: that of the origins */
export async function startOpeningProxy(folder: string, ca: TemporaryCa, { rules, policy, config }: Opening = {}): Promise<OpeningProxy> {
  const own = mkdtempSync(path.join(folder, 'proxy-'));
  const policyFile = path.join(own, 'policy.yaml');
  const text = policy ?? `version: 1\ndefault: deny\nconnect_ports: any\nrules:\n${rules ?? '  - intercept: { host: localhost }\n'}`;
  writeFileSync(policyFile, text);
  const folderOfAuthority = path.join(own, 'certs');
  const overrides: TestConfig = {
    policyFile,
    rootCertificates: ca.certFile,
    tls: { authority: { folder: folderOfAuthority, existing: null }, leaves: LEAF_DEFAULTS },
    ...config,
  };
  const proxy = await startTestProxy(overrides);
  const authorityFile = path.join(folderOfAuthority, 'ca.crt');
  return Object.assign(proxy, { authorityFile, authority: readFileSync(authorityFile, 'utf8'), config: testConfig(overrides) });
}

/** CONNECT, without TLS yet. */
export async function connectThrough(proxy: Pick<TestProxy, 'port'>, authority: string): Promise<RawClient> {
  const client = await connectRaw({ port: proxy.port });
  await client.send(`CONNECT ${authority} HTTP/1.1\r\nHost: ${authority}\r\n\r\n`);
  const { status } = await client.readResponse('CONNECT');
  if (status !== 200) throw new Error(`CONNECT ${authority} was answered ${status}`);
  return client;
}

/** CONNECT, then TLS with whoever answers. */
export async function openTunnel(proxy: OpeningProxy, authority: string, options: ConnectionOptions = {}): Promise<RawClient> {
  const client = await connectThrough(proxy, authority);
  const servername = authority.slice(0, authority.lastIndexOf(':'));
  return client.startTls({ ca: proxy.authority, servername, ...options });
}
