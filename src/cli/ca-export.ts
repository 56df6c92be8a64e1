// Owns `ca export`: the certificate that clients are to trust, in the form that they take.
import { randomBytes, type X509Certificate } from 'node:crypto';
import { StartError } from '../errors/start-error.ts';
import { pkcs12 } from '../tls/pkcs12.ts';
import { existingAuthority, nameOf } from './ca-words.ts';
import type { Arguments } from './command.ts';
import { EXIT_OK } from './exit-codes.ts';
import { JAVA_PASSWORD } from './java-key-store.ts';
import type { Terminal } from './terminal.ts';
import { writeResult } from './written-file.ts';

/** `ca export` */
export async function exportAuthority(given: Arguments, terminal: Terminal): Promise<number> {
  const { flags } = given;
  const format = flags.get('format')?.[0] ?? 'pem';
  const output = flags.get('output')?.[0];
  const password = flags.get('password')?.[0];
  if (!isFormat(format)) throw new StartError('usage', [`--format: "${format}" is none of ${Object.keys(FORMATS).join(', ')}.`]);
  if (output === undefined && format !== 'pem')
    throw new StartError('usage', [`--format ${format}: say where to with --output FILE; it is no text.`]);
  if (password !== undefined && format !== 'pkcs12')
    throw new StartError('usage', ['--password is about --format pkcs12; a certificate needs none.']);
  if (password !== undefined && !/^[\x20-\x7e]+$/.test(password))
    throw new StartError('usage', [
      '--password: take letters, digits and signs of ASCII; Java reads no others. It protects nothing secret.',
    ]);
  const { anchor } = (await existingAuthority(given, terminal)).authority;
  const content = FORMATS[format](anchor, password ?? JAVA_PASSWORD);
  if (output === undefined) terminal.print(content.toString('utf8').trimEnd());
  else {
    await writeResult(output, content, terminal.workingDirectory);
    terminal.report(`${output}: ${nameOf(anchor)}, SHA-256 ${anchor.fingerprint256}`);
    if (format === 'pkcs12') terminal.report(`its password is ${password ?? JAVA_PASSWORD}; there is no key in it`);
  }
  return EXIT_OK;
}

type Format = keyof typeof FORMATS;

function isFormat(text: string): text is Format {
  return Object.hasOwn(FORMATS, text);
}

const FORMATS = {
  pem: (certificate: X509Certificate) => Buffer.from(certificate.toString()),
  der: (certificate: X509Certificate) => certificate.raw,
  pkcs12: (certificate: X509Certificate, password: string) => pkcs12(certificate.raw, nameOf(certificate), password, randomBytes(16)),
} as const;
