// The CA on the disk: made once, private from the start, and refused with a next step when something is wrong with it.
import { execFile, spawn } from 'node:child_process';
import { generateKeyPairSync, X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import {
  chmodSync,
  chownSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import path from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { promisify } from 'node:util';
import { beforeEach, describe, expect, onTestFinished, test } from 'vitest';
import { openAuthority, readAuthority, rotateAuthority } from '../../src/tls/ca.ts';
import type { AuthorityOptions } from '../../src/tls/options.ts';
import { onlyThese } from '../../src/x509/name-constraints.ts';
import { makeCaChain } from '../support/ca-chain.ts';
import { ownAuthority } from '../support/own-authority.ts';
import { createTemporaryCa } from '../support/temp-ca.ts';
import { temporaryFolder } from '../support/temp-files.ts';

const DAY_MS = 86_400_000;
let home = '';
let folder = '';
let own: AuthorityOptions;
beforeEach(() => {
  home = temporaryFolder(onTestFinished);
  folder = path.join(home, 'data', 'ca');
  own = { folder, existing: null };
});

const inFolder = (name: string) => path.join(folder, name);
const modeOf = (file: string) => (statSync(file).mode & 0o7777).toString(8);
/** What an operator is told. */
const problemOf = (options: AuthorityOptions = own) =>
  readAuthority(options, Date.now()).then(
    () => 'none',
    (error) => `${error.kind}: ${error.problems.join(' ')}`,
  );

test('is made on first need, for this user alone, and is the same ever after', async () => {
  const made = await openAuthority(own, Date.now());
  expect(made.isNew).toBe(true);
  expect([folder, inFolder('ca.key'), inFolder('ca.crt')].map(modeOf)).toEqual(['700', '600', '600']);
  expect(readdirSync(folder).sort()).toEqual(['ca.crt', 'ca.key']);
  const again = await openAuthority(own, Date.now());
  expect(again.isNew).toBe(false);
  expect(again.authority.certificate.fingerprint256).toBe(made.authority.certificate.fingerprint256);
});

test('has a name of its own, five years, and a path of no further CA', async () => {
  const { authority } = await openAuthority(own, Date.UTC(2026, 10, 22));
  const { subject, issuer, validFrom, validTo, ca, serialNumber } = authority.certificate;
  expect(subject).toMatch(/^O=Sallyport\nCN=Sallyport CA \S+ [0-9a-f]{6}$/);
  expect({ issuer, validFrom, validTo, ca }).toEqual({
    issuer: subject,
    validFrom: 'Nov 21 23:00:00 2026 GMT',
    validTo: 'Nov 21 00:00:00 2031 GMT',
    ca: true,
  });
  expect(serialNumber.length).toBeGreaterThan(24);
});

test('several that come at once to an empty folder get the same one', async () => {
  const program = `import { openAuthority } from ${JSON.stringify(path.join(import.meta.dirname, '../../src/tls/ca.ts'))};
    const { authority, isNew } = await openAuthority({ folder: ${JSON.stringify(folder)}, existing: null }, Date.now());
    console.log(JSON.stringify([authority.certificate.fingerprint256, isNew]));`;
  const start = () => promisify(execFile)(process.execPath, ['--input-type=module', '-e', program]);
  const said = (await Promise.all([start(), start(), start(), start()])).map(({ stdout }) => JSON.parse(stdout) as [string, boolean]);
  expect(new Set(said.map(([fingerprint]) => fingerprint)).size).toBe(1);
  expect(said.filter(([, isNew]) => isNew)).toHaveLength(1);
});

test.each(['ca.crt', 'ca.key'])('whoever reads while %s is away for moments gets the CA each time', { timeout: 180_000 }, async (name) => {
  const made = await openAuthority(own, Date.now());
  const program = `import { renameSync } from 'node:fs';
    const file = ${JSON.stringify(inFolder(name))};
    console.log('begun');
    for (const end = Date.now() + 2000; Date.now() < end; ) {
      renameSync(file, file + '.away');
      renameSync(file + '.away', file);
    }`;
  const other = spawn(process.execPath, ['--input-type=module', '-e', program], { stdio: ['ignore', 'pipe', 'inherit'] });
  await once(other.stdout, 'data');
  let reads = 0;
  for (; other.exitCode === null; reads += 1) {
    const read = await readAuthority(own, Date.now());
    expect(read?.authority.certificate.fingerprint256).toBe(made.authority.certificate.fingerprint256);
    // That the other has ended is heard between two reads.
    await setImmediate();
  }
  expect(reads).toBeGreaterThan(10);
});

test('reading makes nothing', async () => {
  expect(await readAuthority(own, Date.now())).toBeNull();
  expect(readdirSync(home)).toEqual([]);
});

test('tells in time that it expires', async () => {
  const { authority, warnings } = await openAuthority(own, Date.now());
  expect(warnings).toEqual([]);
  const soon = await readAuthority(own, authority.notAfterMs - 20.5 * DAY_MS);
  expect(soon?.warnings).toEqual([
    expect.stringMatching(/^the CA expires on \d{4}-\d\d-\d\d, in 20 days: make a new one in time with sallyport ca rotate/),
  ]);
});

describe('rotating', () => {
  test('keeps the old certificate beside the new one, and the old key nowhere', async () => {
    const before = await openAuthority(own, Date.now());
    const oldKey = readFileSync(inFolder('ca.key'), 'utf8');
    const nowMs = Date.UTC(2027, 0, 2);
    expect(rotateAuthority(folder, {}, nowMs)).toBe(inFolder('ca-until-2027-01-02.crt'));
    expect(rotateAuthority(folder, {}, nowMs)).toBe(inFolder('ca-until-2027-01-02-2.crt'));
    const old = new X509Certificate(readFileSync(inFolder('ca-until-2027-01-02.crt')));
    expect(old.fingerprint256).toBe(before.authority.certificate.fingerprint256);
    expect(readdirSync(folder).some((name) => readFileSync(inFolder(name), 'utf8').includes(oldKey))).toBe(false);
    expect(modeOf(inFolder('ca.key'))).toBe('600');
    const after = await readAuthority(own, nowMs);
    expect(after?.authority.certificate.fingerprint256).not.toBe(old.fingerprint256);
  });

  test('is for one process at a time: what several leave that come at once belongs together', async () => {
    await openAuthority(own, Date.now());
    const program = `import { rotateAuthority } from ${JSON.stringify(path.join(import.meta.dirname, '../../src/tls/ca.ts'))};
      process.stdin.once('data', () => {
        for (let n = 0; n < 60; n += 1)
          try { console.log(rotateAuthority(${JSON.stringify(folder)}, {}, Date.now())); }
          catch (error) { console.log(error.problems.join()); }
        process.exit();
      });
      console.log('ready');`;
    const several = Array.from({ length: 3 }, () => spawn(process.execPath, ['--input-type=module', '-e', program]));
    const said = several.map(() => '');
    await Promise.all(several.map(({ stdout }) => once(stdout, 'data')));
    for (const [i, each] of several.entries()) each.stdout.on('data', (chunk) => void (said[i] += chunk));
    for (const { stdin } of several) stdin.write('go');
    await Promise.all(several.map((each) => once(each, 'close')));
    const lines = said.join('').trim().split('\n');
    const kept = lines.filter((line) => line.startsWith(inFolder('ca-until-')));
    // Each has replaced another one, which is kept under a name of its own.
    expect(new Set(kept).size).toBe(kept.length);
    expect(new Set(kept.map((file) => new X509Certificate(readFileSync(file)).fingerprint256)).size).toBe(kept.length);
    expect(lines.filter((line) => !kept.includes(line)).every((line) => line.includes('another process is just replacing this CA'))).toBe(
      true,
    );
    expect((await readAuthority(own, Date.now()))?.warnings).toEqual([]);
  });

  test('is refused while another process does it, and goes on once that has died', async () => {
    await openAuthority(own, Date.now());
    const lock = path.join(import.meta.dirname, '../../src/net/file-lock.ts');
    const program = `import { FileLock } from ${JSON.stringify(lock)};
      globalThis.kept = FileLock.take(${JSON.stringify(inFolder('ca.lock'))});
      console.log('taken'); setInterval(() => {}, 1000);`;
    const other = spawn(process.execPath, ['--input-type=module', '-e', program], { stdio: ['ignore', 'pipe', 'inherit'] });
    onTestFinished(() => void other.kill('SIGKILL'));
    await once(other.stdout, 'data');
    const before = readFileSync(inFolder('ca.crt'), 'utf8');
    expect(() => rotateAuthority(folder, {}, Date.now())).toThrow(/another process is just replacing this CA\. Look at/);
    expect(readFileSync(inFolder('ca.crt'), 'utf8')).toBe(before);
    other.kill('SIGKILL');
    await once(other, 'close');
    rotateAuthority(folder, {}, Date.now());
    expect(readFileSync(inFolder('ca.crt'), 'utf8')).not.toBe(before);
    expect(modeOf(inFolder('ca.lock'))).toBe('600');
  });

  test('leaves the limits as they were unless they are to be others', async () => {
    await openAuthority(own, Date.now(), { keyType: 'rsa', constraints: onlyThese(['example.com']) });
    rotateAuthority(folder, {}, Date.now());
    const kept = (await readAuthority(own, Date.now()))?.authority;
    expect(kept?.constraints).toEqual([onlyThese(['example.com'])]);
    expect(kept?.certificate.publicKey.asymmetricKeyDetails?.modulusLength).toBe(3072);
    rotateAuthority(folder, { keyType: 'ec', constraints: null }, Date.now());
    expect((await readAuthority(own, Date.now()))?.authority.constraints).toEqual([]);
  });
});

describe('is refused', () => {
  beforeEach(async () => {
    await openAuthority(own, Date.now());
  });

  test.each(['640', '604', '620', '601', '777'])('when others may read or change the key (mode %s)', async (mode) => {
    chmodSync(inFolder('ca.key'), Number.parseInt(mode, 8));
    expect(await problemOf()).toMatch(
      /^permission: \S+ca\.key: others may read the private key of the CA \(mode 0\d+\)\. Run: chmod 600 \S+ca\.key/,
    );
  });

  test.each(['750', '705', '711', '1777'])('when others may enter the folder (mode %s)', async (mode) => {
    chmodSync(folder, Number.parseInt(mode, 8));
    onTestFinished(() => chmodSync(folder, 0o700));
    expect(await problemOf()).toMatch(/^permission: \S+ca: others may enter the folder of the CA \(mode \d+\)\. Run: chmod 700 /);
  });

  test.runIf(process.getuid?.() === 0)('when the key or the folder belongs to another user, even for root', async () => {
    chownSync(inFolder('ca.key'), 12_345, 12_345);
    expect(await problemOf()).toContain('ca.key belongs to another user (12345; this is 0)');
    chownSync(inFolder('ca.key'), 0, 0);
    chownSync(folder, 12_345, 12_345);
    expect(await problemOf()).toContain('ca belongs to another user (12345; this is 0)');
  });

  test('when the key is a link that leads out of the folder, and not when it leads elsewhere in it', async () => {
    mkdirSync(inFolder('..data'), { mode: 0o700 });
    renameSync(inFolder('ca.key'), inFolder('..data/ca.key'));
    symlinkSync('..data/ca.key', inFolder('ca.key'));
    expect(await problemOf()).toBe('none');
    renameSync(inFolder('..data/ca.key'), path.join(home, 'ca.key'));
    rmSync(inFolder('ca.key'));
    symlinkSync(path.join(home, 'ca.key'), inFolder('ca.key'));
    expect(await problemOf()).toMatch(/^permission: \S+ca\.key is a link that leads out of /);
  });

  test('when the key is no file', async () => {
    rmSync(inFolder('ca.key'));
    await promisify(execFile)('mkfifo', [inFolder('ca.key')]);
    expect(await problemOf()).toMatch(/^unreadable: \S+ca\.key: the private key of the CA is no file/);
  });

  test('when the certificate is that of another key', async () => {
    writeFileSync(inFolder('ca.crt'), ownAuthority().certificate);
    expect(await problemOf()).toMatch(/^config: \S+ca\.crt: the certificate is not that of the private key in \S+ca\.key\. Restore both/);
  });

  test.each([
    ['ca.key', 'ca.crt'],
    ['ca.crt', 'ca.key'],
  ])('when there is no %s', async (missing, there) => {
    rmSync(inFolder(missing));
    expect(await problemOf()).toBe(
      `config: ${inFolder(missing)} does not exist, while ${inFolder(there)} does. Restore it from a backup, or move ${inFolder(there)} away and make a new CA.`,
    );
  });

  test.each([
    ['ca.key', 'garbage', 'expected a private key in PEM'],
    ['ca.crt', 'garbage', 'expected a certificate in PEM'],
    ['ca.crt', '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n', 'expected a certificate in PEM'],
    ['ca.key', '', 'expected a private key in PEM'],
  ])('when %s holds %j', async (name, text, problem) => {
    writeFileSync(inFolder(name), text);
    expect(await problemOf()).toMatch(
      new RegExp(`^config: \\S+${name}: ${problem}; this cannot be read as one\\. Name the right file, or restore it`),
    );
  });

  test('when it has expired', async () => {
    await expect(readAuthority(own, Date.now() + 6 * 365 * DAY_MS)).rejects.toThrow(
      /ca\.crt: it has expired on \d{4}-\d\d-\d\d\. Make a new one with sallyport ca rotate\./,
    );
  });

  test('when the clock is before its time', async () => {
    await expect(readAuthority(own, Date.now() - 2 * DAY_MS)).rejects.toThrow(
      /is not valid before \S+; is the clock of this machine right\?/,
    );
  });
});

test('nowhere to write to is said with the next step', async () => {
  writeFileSync(path.join(home, 'data'), 'a file, not a folder');
  await expect(openAuthority(own, Date.now())).rejects.toMatchObject({
    kind: 'unavailable',
    problems: [
      expect.stringMatching(/cannot be written \(its folder is a file\)\. The CA needs a folder of this user: name one with --ca-dir\./),
    ],
  });
  await expect(openAuthority({ folder: null, existing: null }, Date.now())).rejects.toThrow('Name one with --ca-dir, or set tls.ca_dir.');
});

describe('an existing CA', () => {
  const existing = (certificateFile: string, keyFile: string): AuthorityOptions => ({
    folder: null,
    existing: { certificateFile, keyFile },
  });
  const write = (name: string, text: string) => {
    const file = path.join(home, name);
    writeFileSync(file, text, { mode: 0o600 });
    return file;
  };

  test.each(['ec', 'rsa'] as const)('is used as it is (%s)', async (keyType) => {
    const { certificate, privateKey } = ownAuthority({ keyType });
    const key = write('corporate.key', privateKey.export({ type: 'pkcs8', format: 'pem' }).toString());
    const opened = await openAuthority(existing(write('corporate.pem', certificate), key), Date.now());
    expect(opened.isNew).toBe(false);
    expect(opened.authority.sentChain).toBe('');
  });

  test('brings its chain, of which the root is not sent', async () => {
    const { intermediate, intermediateKey, root } = makeCaChain(home);
    const opened = await openAuthority(existing(write('chain.pem', root + intermediate), write('i.key', intermediateKey)), Date.now());
    expect(opened.authority.sentChain).toBe(intermediate);
    expect(opened.authority.anchor.toString()).toBe(root);
    expect(opened.authority.certificate.toString()).toBe(intermediate);
  });

  test('that is a server certificate is no CA', async () => {
    const { cert, key } = createTemporaryCa(home).issue('example.com');
    expect(await problemOf(existing(write('leaf.pem', cert), write('leaf.key', key)))).toMatch(
      /^config: \S+leaf\.pem: "CN=example\.com" is no CA: its basicConstraints do not say CA:TRUE\. Name another CA with tls\.ca_certificate and tls\.ca_key\./,
    );
  });

  test('has to have a key without a passphrase', async () => {
    const { certificate, privateKey } = ownAuthority();
    const locked = privateKey.export({ type: 'pkcs8', format: 'pem', cipher: 'aes-256-cbc', passphrase: 'x' }).toString();
    expect(await problemOf(existing(write('a.pem', certificate), write('a.key', locked)))).toContain('the private key has a passphrase');
  });

  test('has to have a key that clients believe', async () => {
    const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 1024 });
    const key = write('weak.key', privateKey.export({ type: 'pkcs8', format: 'pem' }).toString());
    await promisify(execFile)('openssl', [
      'req',
      '-x509',
      '-key',
      key,
      '-subj',
      '/CN=weak',
      '-days',
      '2',
      '-out',
      path.join(home, 'weak.pem'),
    ]);
    expect(await problemOf(existing(path.join(home, 'weak.pem'), key))).toContain(
      'take ECDSA (P-256, P-384, P-521) or RSA of 2048 bits or more',
    );
  });

  test('that others may read is refused, too', async () => {
    const { certificate, privateKey } = ownAuthority();
    const key = write('a.key', privateKey.export({ type: 'pkcs8', format: 'pem' }).toString());
    chmodSync(key, 0o644);
    const problem = await problemOf(existing(write('a.pem', certificate), key));
    expect(problem).toContain('others may read the private key of the CA (mode 0644)');
    expect(problem).toContain('if that may be, take another CA.');
  });

  test('that is not there is named', async () => {
    expect(await problemOf(existing(path.join(home, 'a.pem'), path.join(home, 'a.key')))).toBe(
      `unreadable: ${home}/a.pem: the certificate of the CA does not exist. Check the path.`,
    );
  });
});
