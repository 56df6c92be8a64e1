// A root and a CA below it, made with the openssl command: what an organisation may hand its proxy.
import { execFileSync } from 'node:child_process';
import { X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import path from 'node:path';

export interface CaChain {
  readonly intermediate: string;
  readonly intermediateKey: string;
  readonly root: string;
}

/** All as PEM, with line ends as Node writes them. @param folder  where the files are kept */
export function makeCaChain(folder: string): CaChain {
  const ca = ['-addext', 'basicConstraints=critical,CA:TRUE', '-addext', 'keyUsage=critical,keyCertSign,cRLSign', '-days', '2'];
  const make = (name: string, ...words: string[]) => {
    const [key, certificate] = [path.join(folder, `${name}.key`), path.join(folder, `${name}.pem`)];
    const fresh = [
      '-newkey',
      'ec',
      '-pkeyopt',
      'ec_paramgen_curve:P-256',
      '-nodes',
      '-keyout',
      key,
      '-out',
      certificate,
      '-subj',
      `/CN=${name}`,
    ];
    execFileSync('openssl', ['req', '-x509', '-config', '-', ...fresh, ...ca, ...words], {
      input: '[req]\ndistinguished_name = dn\n[dn]\n',
      stdio: ['pipe', 'ignore', 'pipe'],
    });
    return { key: readFileSync(key, 'utf8'), certificate: new X509Certificate(readFileSync(certificate)).toString() };
  };
  const { certificate: root } = make('root');
  const below = make('intermediate', '-CA', path.join(folder, 'root.pem'), '-CAkey', path.join(folder, 'root.key'));
  return { intermediate: below.certificate, intermediateKey: below.key, root };
}
