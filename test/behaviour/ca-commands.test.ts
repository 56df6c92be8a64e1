// The commands of `ca` as somebody types them.
import { X509Certificate } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { beforeEach, describe, expect, onTestFinished, test } from 'vitest';
import { main } from '../../src/cli/cli.ts';
import { startOpeningProxy } from '../support/opened-tunnels.ts';
import { ownAuthority } from '../support/own-authority.ts';
import { createTemporaryCa } from '../support/temp-ca.ts';
import { temporaryFile, temporaryFolder } from '../support/temp-files.ts';
import { recordingTerminal } from '../unit/cli/recording-terminal.ts';

let home = '';
beforeEach(() => {
  home = temporaryFolder(onTestFinished);
});

/** With a PATH in which nothing is found, a home without browsers, and from another folder than the one that the tests run in. */
async function say(...words: string[]) {
  return sayWith({}, ...words);
}

async function sayWith(environment: Record<string, string>, ...words: string[]) {
  const terminal = recordingTerminal(home, {
    SALLYPORT_TLS_CA_DIR: path.join(home, 'ca'),
    SALLYPORT_STATE_DIR: 'off',
    HOME: home,
    PATH: '',
    ...environment,
  });
  const code = await main(['ca', ...words], terminal);
  return { code, out: terminal.printed.join('\n'), err: terminal.reported.join('\n') };
}

const certificate = () => new X509Certificate(readFileSync(path.join(home, 'ca', 'ca.crt')));
const policy = (rules: string) => temporaryFile(onTestFinished, 'p.yaml', `version: 1\ndefault: deny\nrules:\n${rules}`);

describe('ca init', () => {
  test('makes one, and says what to do next', async () => {
    const { code, out } = await say('init');
    expect(code).toBe(0);
    expect(out).toMatch(/^made Sallyport CA \S+ [0-9a-f]{6}, valid until \d{4}-\d\d-\d\d\n/);
    expect(out).toContain(`its certificate is ca/ca.crt, SHA-256 ${certificate().fingerprint256}`);
    expect(out).toContain('sallyport ca trust');
  });

  test('repeats in what is to be typed next which CA it is about, as a shell takes it', async () => {
    const where = ['--ca-dir', path.join(home, 'my ca')];
    const spelled = `--ca-dir '${home}/my ca'`;
    expect(await say('export', ...where)).toMatchObject({ err: expect.stringContaining(`Make one with sallyport ca init ${spelled}.`) });
    expect((await say('show', ...where)).err).toContain(`so does sallyport ca init ${spelled}.`);
    expect((await say('init', ...where)).out).toContain(
      `sallyport ca trust ${spelled} for this machine, sallyport ca export ${spelled} for`,
    );
    expect((await say('show', ...where)).out).toContain(`not by this system: sallyport ca trust ${spelled};`);
    expect((await say('init', ...where)).err).toContain(
      `sallyport ca show ${spelled} tells which; sallyport ca rotate ${spelled} replaces`,
    );
    expect((await say('rotate', ...where)).out).toContain(`sallyport ca trust ${spelled}   this machine`);
  });

  test('leaves the one that there is alone', async () => {
    await say('init');
    const before = certificate().fingerprint256;
    expect(await say('init')).toMatchObject({ code: 65, err: expect.stringContaining('ca/ca.crt: there is a CA already.') });
    expect(certificate().fingerprint256).toBe(before);
  });

  test('limits it to what is listed', async () => {
    const { out } = await say('init', '--only', 'Example.com,*.example.org,192.0.2.0/24', '--rsa');
    expect(out).toContain('signs for only example.com, example.org, sallyport.invalid (our own page), 192.0.2.0/24');
    expect(certificate().publicKey.asymmetricKeyDetails?.modulusLength).toBe(3072);
  });

  test('limits it to what the policy intercepts', async () => {
    const file = policy('  - intercept: { host: [.example.com, api.example.org] }\n  - allow: { host: other.example }\n');
    const { code, out, err } = await say('init', '--from-policy', '--policy', file);
    expect({ code, err }).toEqual({ code: 0, err: '' });
    expect(out).toContain('only example.com, api.example.org, sallyport.invalid (our own page), no addresses');
  });

  test.each<[string, Record<string, string>, string[]]>([
    ['the one that the configuration file names, from its folder', {}, ['--config', 'etc/sallyport.yaml']],
    ['that of the file in SALLYPORT_CONFIG', { SALLYPORT_CONFIG: 'etc/sallyport.yaml' }, []],
    ['SALLYPORT_POLICY before the file', { SALLYPORT_POLICY: 'etc/mine.yaml' }, ['--config', 'etc/other.yaml']],
    ['--policy before all', { SALLYPORT_POLICY: 'etc/none.yaml' }, ['--config', 'etc/other.yaml', '--policy', 'etc/mine.yaml']],
  ])('takes for the policy %s', async (_what, environment, words) => {
    mkdirSync(path.join(home, 'etc'));
    for (const [name, text] of [
      ['mine.yaml', 'version: 1\ndefault: deny\nrules:\n  - intercept: { host: mine.example }\n'],
      ['none.yaml', 'version: 1\ndefault: deny\nrules: []\n'],
      ['sallyport.yaml', 'policy: mine.yaml\n'],
      ['other.yaml', 'policy: none.yaml\n'],
    ] as const)
      writeFileSync(path.join(home, 'etc', name), text);
    const { err, out } = await sayWith(environment, 'init', '--from-policy', ...words);
    expect(err).toBe('');
    expect(out).toContain('signs for only mine.example, sallyport.invalid');
  });

  test('says which policy cannot be read, and that the one which comes with the proxy intercepts nothing', async () => {
    expect(await say('init', '--from-policy', '--policy', 'missing.yaml')).toMatchObject({
      code: 66,
      err: expect.stringContaining(`${path.join(home, 'missing.yaml')}: there is no such policy file`),
    });
    expect(await say('init', '--from-policy')).toMatchObject({
      code: 65,
      err: expect.stringMatching(/policies\/open\.yaml: no rule intercepts.*It is the one that comes with the proxy: name yours/),
    });
    expect(await say('init', '--policy', 'missing.yaml')).toMatchObject({ code: 64, err: expect.stringContaining('--from-policy') });
  });

  test('does not pretend to limit it where the policy does not', async () => {
    expect(await say('init', '--from-policy', '--policy', policy('  - intercept: {}\n'))).toMatchObject({ code: 65 });
    expect((await say('init', '--from-policy', '--policy', policy('  - allow: { host: a.example }\n'))).err).toContain(
      'no rule intercepts',
    );
    expect(existsSync(path.join(home, 'ca'))).toBe(false);
  });

  test.each([
    ['a b', '"a b" is no host name, address or block'],
    ['', '--only needs a value'],
    ['a.example,,b.example', '"" is no host name'],
    ['192.0.2.1/24', '"192.0.2.1/24" is no host name, address or block'],
  ])('--only %j is refused', async (hosts, problem) => {
    expect(await say('init', '--only', hosts)).toMatchObject({ code: 64, err: expect.stringContaining(problem) });
  });

  test('makes none where the settings name an existing one', async () => {
    const terminal = recordingTerminal(home, { SALLYPORT_TLS_CA_CERTIFICATE: 'a.pem', SALLYPORT_TLS_CA_KEY: 'a.key' });
    expect(await main(['ca', 'init'], terminal)).toBe(78);
    expect(terminal.reported.join()).toContain('the settings name an existing CA');
  });
});

describe('ca show', () => {
  test('says that there is none, and makes none', async () => {
    expect(await say('show')).toMatchObject({ code: 1, err: expect.stringContaining('there is no CA in') });
    expect(readdirSync(home)).toEqual([]);
  });

  test('says which it is, for whom and how long, and whether this system trusts it', async () => {
    await say('init', '--only', 'example.com');
    const { code, out } = await say('show');
    expect(code).toBe(0);
    for (const line of [
      /^Sallyport CA \S+ [0-9a-f]{6}$/m,
      /^ {2}certificate {2}ca\/ca\.crt$/m,
      new RegExp(`^  SHA-256      ${certificate().fingerprint256}$`, 'm'),
      /^ {2}key {10}ECDSA, prime256v1$/m,
      /^ {2}valid {8}\d{4}-\d\d-\d\d to \d{4}-\d\d-\d\d, 1,824 days left$/m,
      /^ {2}signs for {4}only example\.com, sallyport\.invalid \(our own page\), no addresses$/m,
      /^ {2}trusted {6}not by this system/m,
    ])
      expect(out).toMatch(line);
  });

  test('says it to a script', async () => {
    await say('init');
    const facts = JSON.parse((await say('show', '--json')).out);
    expect(facts).toMatchObject({ sha256: certificate().fingerprint256, limits: null, daysLeft: 1824, isTrustedBySystem: false });
  });
});

test('ca rotate says where the old certificate is, and what is left to do', async () => {
  await say('init');
  const before = certificate().fingerprint256;
  const { code, out } = await say('rotate');
  const old = /the old certificate is kept as (\S+); its key is gone/.exec(out)?.[1] ?? '';
  expect(code).toBe(0);
  expect(new X509Certificate(readFileSync(path.join(home, old))).fingerprint256).toBe(before);
  // In the order in which no client meets a certificate that it does not trust.
  const places = ['sallyport ca trust', 'sallyport reload', `sallyport ca untrust ${old}`].map((words) => out.indexOf(words));
  expect(places).not.toContain(-1);
  expect(places).toEqual(places.toSorted((a, b) => a - b));
});

describe('ca export', () => {
  test('prints the certificate, and never the key', async () => {
    await say('init');
    const { out } = await say('export');
    expect(`${out}\n`).toBe(certificate().toString());
    await say('export', '--format', 'der', '--output', 'ca.cer');
    await say('export', '--format', 'pkcs12', '--output', 'ca.p12');
    expect(readFileSync(path.join(home, 'ca.cer'))).toEqual(certificate().raw);
    const key = Buffer.from(readFileSync(path.join(home, 'ca', 'ca.key'), 'utf8').replace(/-----[^-]+-----|\n/g, ''), 'base64');
    // The 32 octets of the secret number, behind what every such key begins with.
    for (const name of ['ca.cer', 'ca.p12']) expect(readFileSync(path.join(home, name)).includes(key.subarray(36, 68))).toBe(false);
  });

  test.each([
    [['--format', 'der'], '--format der: say where to with --output FILE'],
    [['--format', 'jks'], '--format: "jks" is none of pem, der, pkcs12'],
    [['--password', 'x'], '--password is about --format pkcs12'],
    [['--format', 'pkcs12', '--output', 'ca.p12', '--password', 'pässword'], '--password: take letters, digits and signs of ASCII'],
  ])('%j is refused', async (words, problem) => {
    await say('init');
    expect(await say('export', ...words)).toMatchObject({ code: 64, err: expect.stringContaining(problem) });
  });

  test('says that there is none', async () => {
    expect(await say('export')).toMatchObject({
      code: 66,
      err: expect.stringContaining('there is no CA yet. Make one with sallyport ca init.'),
    });
  });
});

describe('ca trust', () => {
  test('prints the commands, and runs none with --dry-run', async () => {
    await say('init');
    const { code, out } = await say('trust', '--dry-run');
    expect(code).toBe(0);
    expect(out).toContain(certificate().fingerprint256.replaceAll(':', ''));
    expect(out).toContain(`keytool -importcert -noprompt`);
    expect((await say('untrust', '--dry-run')).out).toContain('keytool -delete -alias');
  });

  test('does nothing where nobody can be asked', async () => {
    await say('init');
    const profile = path.join(home, '.mozilla', 'firefox', 'x.default');
    mkdirSync(profile, { recursive: true });
    writeFileSync(path.join(profile, 'cert9.db'), '');
    const terminal = recordingTerminal(home, { SALLYPORT_TLS_CA_DIR: path.join(home, 'ca'), HOME: home, PATH: home });
    writeFileSync(path.join(home, 'certutil'), '#!/bin/sh\ntouch "$HOME/was-run"\n', { mode: 0o755 });
    expect(await main(['ca', 'trust'], terminal)).toBe(64);
    expect(terminal.printed.join('\n')).toContain(`certutil -A -d sql:${profile} -t C,, -n '`);
    expect(terminal.reported.join()).toContain('nobody can be asked here: say --yes to go on, or --dry-run to see the commands.');
    expect(existsSync(path.join(home, 'was-run'))).toBe(false);
  });

  test.each([
    ['nothing.crt', 66, 'nothing.crt: the certificate does not exist'],
    ['garbage.crt', 65, 'expected a certificate in PEM'],
    ['two.crt', 65, 'there are several certificates in it'],
  ])('of %s says what is wrong', async (name, code, problem) => {
    writeFileSync(path.join(home, 'garbage.crt'), 'garbage');
    writeFileSync(path.join(home, 'two.crt'), ownAuthority().certificate + ownAuthority().certificate);
    expect(await say('trust', name, '--dry-run')).toMatchObject({ code, err: expect.stringContaining(problem) });
  });

  test('takes another certificate, as untrust does for the one that was rotated out', async () => {
    const { certificate: other } = ownAuthority();
    writeFileSync(path.join(home, 'other.crt'), other);
    expect((await say('untrust', 'other.crt', '--dry-run')).out).toContain(new X509Certificate(other).fingerprint256.replaceAll(':', ''));
  });
});

test('a proxy that makes one says what to type to have that one trusted, whoever chose its folder', async () => {
  await using proxy = await startOpeningProxy(home, createTemporaryCa(home));
  const command = /^made a certificate authority of its own; .* trust it: sallyport (.*)$/m.exec(proxy.reports.join('\n'))?.[1] ?? '';
  const terminal = recordingTerminal('/', { HOME: home });
  expect(await main([...command.split(' '), '--dry-run'], terminal)).toBe(0);
  expect(terminal.printed.join()).toContain(new X509Certificate(proxy.authority).fingerprint256.replaceAll(':', ''));
});
