import { expect, test } from 'vitest';
import { PROBES } from '../../../src/cli/doctor-probes.ts';
import { findingOf } from '../../../src/cli/doctor-verdict.ts';
import { type DoctorReport, doctorJson, doctorText, type Examined, isWell } from '../../../src/cli/doctor-words.ts';
import { ProxyError } from '../../../src/errors/proxy-error.ts';

const TOKEN = 'doctor-0123';
const URL = `https://doctor.sallyport.test:4433/doctor/`;
const CONNECT = { connectId: null, error: null };

test.each([
  ['it has the token', { code: 0, output: `<p>${TOKEN}</p>\n` }, [], 'trusted', ''],
  ['nothing was heard of it', { code: 7, output: 'cannot resolve\n' }, [], 'does not use the proxy', 'cannot resolve'],
  [
    'it opened a tunnel and went no further',
    { code: 1, output: 'Error: unable to get local issuer certificate\n    at TLSSocket\n\nNode.js v26\n' },
    [CONNECT],
    'not trusted',
    'Error: unable to get local issuer certificate',
  ],
  ['it read a page, and failed all the same', { code: 1, output: 'oh\n' }, [CONNECT, { connectId: 1, error: null }], 'could not run', 'oh'],
  [
    'the proxy failed',
    { code: 1, output: 'oh\n' },
    [{ connectId: null, error: new ProxyError('connection_refused', 'nobody is there') }],
    'could not run',
    'nobody is there',
  ],
  ['it printed the token of an error', { code: 22, output: TOKEN }, [CONNECT], 'not trusted', TOKEN],
  ['it did not end', { code: null, output: '', problem: 'it had not finished' }, [CONNECT], 'could not run', 'it had not finished'],
])('%s', (_, ended, flows, verdict, detail) => {
  expect(findingOf({ problem: null, ...ended }, TOKEN, flows, true)).toEqual({ verdict, detail });
});

test.each([
  ['tells no version either', { code: 1, output: '\nerror: no toolchain\nhelp: install one\n  0: main\n' }, false, 'error: no toolchain'],
  ['is killed', { code: null, output: '' }, true, 'it ended without a word'],
])('a program that reaches nothing and %s could not run', (_, ended, runs, detail) => {
  expect(findingOf({ problem: null, ...ended }, TOKEN, [], runs)).toEqual({ verdict: 'could not run', detail });
});

test('every probe is told the URL, in its words or in its files, and keeps what it writes in the scratch folder', () => {
  for (const { name, words, files } of PROBES) {
    expect([...words(URL, '/scratch'), ...Object.values(files?.(URL) ?? {})].join(' '), name).toContain(URL);
    if (files !== undefined) expect(words(URL, '/scratch').join(' '), name).toContain(`/scratch/${Object.keys(files(URL))[0]}`);
  }
  expect(new Set(PROBES.map(({ name }) => name)).size).toBe(PROBES.length);
});

const fine = { verdict: 'trusted', detail: '' } as const;
const untrusting = { verdict: 'not trusted', detail: 'unknown authority' } as const;

function examined(name: string, machine: Examined['machine'], run: Examined['run']): Examined {
  const probe = PROBES.find((each) => each.name === name)!;
  return { probe, program: `/usr/bin/${probe.programs[0]}`, version: '1.2.3', machine, run };
}

const REPORT: DoctorReport = {
  authority: { name: 'Sallyport CA lectern 3f09a1', certificateFile: '/state/ca/ca.crt' },
  commands: { caInit: 'sallyport ca init', caTrust: 'sallyport ca trust' },
  proxyVariable: null,
  examined: [examined('curl', fine, fine), examined('git', untrusting, fine), examined('npm', untrusting, fine)],
  notFound: ['Go', 'Ruby'],
};

test('the table has a row for each program, and each remedy is told once', () => {
  const two = { ...REPORT, examined: [...REPORT.examined, examined('Ruby', untrusting, fine)] };
  expect(doctorText(two, (text) => text)).toBe(`authority  Sallyport CA lectern 3f09a1  /state/ca/ca.crt
proxy      https_proxy is not set: programs started here go past every proxy
not found  Go, Ruby

program     as this machine is      with sallyport run
curl 1.2.3  trusted                 trusted
git 1.2.3   not trusted             trusted
npm 1.2.3   not trusted             trusted
Ruby 1.2.3  not trusted             trusted

To trust it without sallyport run
  sallyport ca trust  (git, Ruby)
  NODE_EXTRA_CA_CERTS=/state/ca/ca.crt  (npm)`);
});

test('commands are about the authority that was asked about', () => {
  const commands = { caInit: 'sallyport ca init --ca-dir a', caTrust: 'sallyport ca trust --ca-dir a' };
  const text = doctorText({ ...REPORT, authority: null, commands }, (word) => word);
  expect(text).toContain('so nothing trusts it; sallyport ca init --ca-dir a makes one');
  expect(text).toContain('  sallyport ca init --ca-dir a, first of all\n  sallyport ca trust --ca-dir a  (git)');
});

test('without an authority one has to be made first', () => {
  const text = doctorText({ ...REPORT, authority: null }, (word) => word);
  expect(text).toMatch(/^authority {2}none yet/);
  expect(text).toContain('To trust it without sallyport run\n  sallyport ca init, first of all\n  sallyport ca trust  (git)');
});

test('what does not work under sallyport run makes the machine unwell, and says why', () => {
  const past = { verdict: 'does not use the proxy', detail: 'ENOTFOUND' } as const;
  const broken = { verdict: 'could not run', detail: 'it had not finished after 60 s' } as const;
  const report = { ...REPORT, examined: [examined('Node (fetch)', past, past), examined('Java', broken, broken)] };
  expect(isWell(REPORT)).toBe(true);
  expect(isWell(report)).toBe(false);
  expect(
    doctorText(report, (text) => text)
      .split('\n\n')
      .slice(2),
  ).toEqual([
    'Does not use the proxy\n  Node asks for the proxy from version 24, or 22.21, on (NODE_USE_ENV_PROXY=1)  (Node (fetch))',
    'Could not run\n  Java: it had not finished after 60 s',
  ]);
});

test('JSON has what was found, and the remedy of each', () => {
  expect(JSON.parse(doctorJson(REPORT))).toEqual({
    well: true,
    authority: { name: 'Sallyport CA lectern 3f09a1', certificate_file: '/state/ca/ca.crt' },
    https_proxy: null,
    programs: [
      { name: 'curl', program: '/usr/bin/curl', version: '1.2.3', machine: { ...fine, remedy: null }, run: { ...fine, remedy: null } },
      {
        name: 'git',
        program: '/usr/bin/git',
        version: '1.2.3',
        machine: { ...untrusting, remedy: 'sallyport ca trust' },
        run: { ...fine, remedy: null },
      },
      {
        name: 'npm',
        program: '/usr/bin/npm',
        version: '1.2.3',
        machine: { ...untrusting, remedy: 'NODE_EXTRA_CA_CERTS=/state/ca/ca.crt' },
        run: { ...fine, remedy: null },
      },
    ],
    not_found: ['Go', 'Ruby'],
  });
});
