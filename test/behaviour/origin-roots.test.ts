// Whose word for an origin is final: the machine's roots, those that come with Node, or both, as `tls.trust` says. Each in a process of its own, since
// a machine's roots are read once. The variables stand for the machine's store, as OpenSSL has it (SSL_CERT_FILE, SSL_CERT_DIR).
import path from 'node:path';
import { rootCertificates } from 'node:tls';
import { afterAll, expect, test } from 'vitest';
import { succeed } from '../support/programs.ts';
import { createTemporaryCa } from '../support/temp-ca.ts';
import { temporaryFolder } from '../support/temp-files.ts';

const folder = temporaryFolder(afterAll);
const ca = createTemporaryCa(folder);

test.each([
  ['system', 'one root of its own', [true, false]],
  ['bundled', 'one root of its own', [false, true]],
  ['both', 'one root of its own', [true, true]],
  ['system', 'no roots', [false, true]],
])('with trust: %s and a machine that has %s, its own root and one of Mozilla: %j', async (trust, machine, believed) => {
  const file = machine === 'no roots' ? '/dev/null' : ca.certFile;
  const out = await succeed(process.execPath, ['--input-type=module', '-e', SCRIPT, trust, ca.cert, rootCertificates[0]!], {
    env: { SSL_CERT_FILE: file, SSL_CERT_DIR: path.join(folder, 'nothing') },
  });
  expect(JSON.parse(out.toString())).toEqual(believed);
});

const SOURCE = path.join(import.meta.dirname, '../../src/upstream');
const SCRIPT = `
import { X509Certificate } from 'node:crypto';
import { openOriginTls } from '${SOURCE}/tls-options.ts';
import { readCertificate } from '${SOURCE}/roots.ts';
const [trust, ...pems] = process.argv.slice(1);
const { roots } = await openOriginTls({ trust, clientCertificates: [], keyLogFile: null }, null, null);
process.stdout.write(JSON.stringify(pems.map((pem) => roots.has(readCertificate(new X509Certificate(pem))))));
`;
