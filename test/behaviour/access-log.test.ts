import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  closeSync,
  constants,
  existsSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
} from 'node:fs';
import { Socket } from 'node:net';
import { tmpdir } from 'node:os';
import path, { join } from 'node:path';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createFlow, type Flow } from '../../src/flows/flow.ts';
import { ACCESS_LOG_DEFAULTS, type AccessLogOptions, openAccessLog } from '../../src/observe/access-log.ts';

let folder: string;
let file: string;
let problems: string[];

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'sallyport-log-'));
  file = join(folder, 'access.log');
  problems = [];
});
afterEach(() => rmSync(folder, { recursive: true }));

function open(options: Partial<AccessLogOptions> = {}) {
  return openAccessLog({ ...ACCESS_LOG_DEFAULTS, file, flushMs: 5, ...options }, (message) => problems.push(message));
}

function numbered(n: number, targetLength = 20): Flow {
  const flow = createFlow({ id: n, listener: 'http://127.0.0.1:8080', address: '127.0.0.1', port: 1, connectId: null });
  return Object.assign(flow, { method: 'GET', target: 'x'.repeat(targetLength), version: '1.1' });
}

/** The numbers given to `numbered`, read back; fails on a torn line. */
function numbersIn(text: string): number[] {
  expect(text === '' || text.endsWith('\n')).toBe(true);
  return text
    .split('\n')
    .slice(0, -1)
    .map((line) => JSON.parse(line).connection);
}

function upTo(count: number): number[] {
  return Array.from({ length: count }, (_, n) => n);
}

async function until(isTrue: () => boolean): Promise<void> {
  while (!isTrue()) await nextTurn();
}

describe('the access log file', () => {
  it('appends lines in order, in a file that others may not read', async () => {
    for (const half of [0, 1]) {
      const log = open();
      for (let n = 0; n < 1000; n += 1) log.write(numbered(half * 1000 + n));
      await log.close();
    }
    expect(numbersIn(readFileSync(file, 'latin1'))).toEqual(upTo(2000));
    expect(statSync(file).mode & 0o137).toBe(0);
    expect(problems).toEqual([]);
  });

  it('holds a line within the flush time, without being closed', async () => {
    const log = open();
    log.write(numbered(0));
    expect(statSync(file).size).toBe(0);
    await until(() => statSync(file).size > 0);
    expect(numbersIn(readFileSync(file, 'latin1'))).toEqual([0]);
    await log.close();
  });

  it('writes a full batch without waiting for the flush time', async () => {
    const log = open({ flushMs: 3_600_000 });
    for (let n = 0; n < 400; n += 1) log.write(numbered(n));
    await until(() => statSync(file).size > 0);
    await log.close();
    expect(numbersIn(readFileSync(file, 'latin1'))).toEqual(upTo(400));
  });

  it('takes a line that is longer than a batch', async () => {
    const log = open();
    for (const [n, length] of [10, 200_000, 10, 70_000, 10].entries()) log.write(numbered(n, length));
    await log.close();
    expect(numbersIn(readFileSync(file, 'latin1'))).toEqual(upTo(5));
  });

  it('closes once, however often it is asked, and takes nothing afterwards', async () => {
    const log = open();
    log.write(numbered(0));
    await Promise.all([log.close(), log.close()]);
    log.write(numbered(1));
    log.reopen();
    await log.close();
    expect(numbersIn(readFileSync(file, 'latin1'))).toEqual([0]);
  });
});

describe('reopening after a rename', () => {
  it('loses and doubles nothing under load, and cuts exactly at the moment of reopening', async () => {
    const log = open({ flushMs: 1 });
    const cuts: number[] = [];
    let n = 0;
    for (let rotation = 0; rotation < 5; rotation += 1) {
      for (let turn = 0; turn < 20; turn += 1) {
        for (let i = 0; i < 50; i += 1) log.write(numbered(n++));
        await nextTurn();
      }
      renameSync(file, `${file}.${rotation}`);
      for (let i = 0; i < 50; i += 1) log.write(numbered(n++));
      log.reopen();
      cuts.push(n);
    }
    for (let i = 0; i < 50; i += 1) log.write(numbered(n++));
    await log.close();

    const files = [...cuts.map((_, rotation) => `${file}.${rotation}`), file].map((path) => numbersIn(readFileSync(path, 'latin1')));
    expect(files.flat()).toEqual(upTo(n));
    expect(files.slice(1).map((numbers) => numbers[0])).toEqual(cuts);
    expect(problems).toEqual([]);
  });

  it.skipIf(process.platform !== 'linux')('closes the file that was moved away', async () => {
    const log = open();
    log.write(numbered(0));
    renameSync(file, `${file}.1`);
    log.reopen();
    await until(() => openFilesUnder(folder).join() === file);
    await log.close();
    await until(() => openFilesUnder(folder).length === 0);
  });

  it('keeps the old file and says so when the new one cannot be opened', async () => {
    const log = open();
    log.write(numbered(0));
    renameSync(folder, `${folder}.moved`);
    log.reopen();
    log.write(numbered(1));
    renameSync(`${folder}.moved`, folder);
    await log.close();
    expect(numbersIn(readFileSync(file, 'latin1'))).toEqual([0, 1]);
    expect(problems).toHaveLength(1);
    expect(problems[0]).toContain(`${file}: the access log cannot be made: its folder does not exist (ENOENT)`);
    expect(problems[0]).toContain('Lines still go to the file that was open before.');
  });
});

describe('a file that cannot be opened', () => {
  it('is named with the cause: no such folder', () => {
    file = join(folder, 'none', 'access.log');
    expect(() => open()).toThrow(`${file}: the access log cannot be made: its folder does not exist (ENOENT).`);
  });

  it('is named with the cause: a folder', () => {
    file = folder;
    expect(() => open()).toThrow(`${file}: the access log is a folder, not a file (EISDIR).`);
  });

  it('is named with the cause: no permission', () => {
    execFileSync('chmod', ['555', folder]);
    // Root may write anywhere. The process gives that up once it has its modules, which may lie where nobody else can read them.
    const program = `
      import { openAccessLog } from ${JSON.stringify(ACCESS_LOG_MODULE)};
      if (process.getuid() === 0) process.setuid(${NOBODY});
      try {
        openAccessLog(${JSON.stringify({ ...ACCESS_LOG_DEFAULTS, file })}, () => {});
      } catch (error) {
        console.log(error.message);
      }`;
    expect(execFileSync(process.execPath, ['--input-type=module', '-e', program], { encoding: 'utf8' })).toContain(
      `${file}: the access log may not be written by this user (EACCES).`,
    );
  });

  it('is refused at once when it is a FIFO without a reader, instead of waiting for one', () => {
    execFileSync('mkfifo', [file]);
    expect(() => open()).toThrow(`${file}: the access log is a FIFO that nobody reads (ENXIO).`);
  });
});

describe('a file that does not take the lines', () => {
  it.skipIf(!existsSync('/dev/full'))('tells of a full disk at once, and at the end how many lines were lost', async () => {
    const log = open({ file: '/dev/full', maxPendingBytes: 100_000 });
    for (let n = 0; n < 100; n += 1) log.write(numbered(n));
    await until(() => problems.length > 0);
    for (let n = 100; n < 2_000; n += 1) log.write(numbered(n));
    expect(problems).toEqual(['access log: no space left on device; lines wait until there is room']);
    await log.close();
    expect(problems.slice(1)).toEqual(['access log: 2,000 lines lost: no space left on device']);
  });

  it.skipIf(!existsSync('/dev/full'))('goes on in the new file when the log is moved off a full disk', async () => {
    symlinkSync('/dev/full', file);
    const log = open();
    log.write(numbered(0));
    await until(() => problems.length > 0);
    rmSync(file);
    log.reopen();
    log.write(numbered(1));
    await log.close();
    expect(numbersIn(readFileSync(file, 'latin1'))).toEqual([1]);
    expect(problems.slice(1)).toEqual(['access log: 1 line lost: no space left on device']);
  });

  it.skipIf(process.platform === 'win32')(
    'holds no line that has only begun, once a disk is full that others write to as well',
    async () => {
      // Files may not grow over 16 blocks of 512 octets: as on a full disk the system takes what there is room for.
      const limited = [
        '-c',
        `trap '' XFSZ; ulimit -f 16; exec "$@"`,
        'sh',
        process.execPath,
        '--input-type=module',
        '--eval',
        TWENTY_LINES,
        file,
      ];
      const child = spawn('sh', limited, { cwd: path.join(import.meta.dirname, '../..'), stdio: ['pipe', 'pipe', 'inherit'] });
      const exited = once(child, 'exit');
      const [told] = await once(child.stdout.setEncoding('utf8'), 'data');
      expect(told).toContain('lines wait until there is room');
      const before = numbersIn(readFileSync(file, 'latin1'));
      expect(before.length).toBeGreaterThan(1);
      truncateSync(file);
      child.stdin.end();
      await exited;
      expect([...before, ...numbersIn(readFileSync(file, 'latin1'))]).toEqual(upTo(20));
    },
  );

  it('loses only whole lines when a reader is slow, and delivers the rest once it reads', async () => {
    execFileSync('mkfifo', [file]);
    const reader = openSync(file, constants.O_RDONLY | constants.O_NONBLOCK);
    const log = open({ maxPendingBytes: 200_000 });
    for (let n = 0; n < 3_000; n += 1) {
      log.write(numbered(n));
      if (n % 100 === 0) await nextTurn();
    }
    let text = '';
    const stream = new Socket({ fd: reader, readable: true, writable: false });
    stream.setEncoding('latin1').on('data', (part: string) => {
      text += part;
    });
    await Promise.all([log.close(), once(stream, 'end')]);

    const numbers = numbersIn(text);
    expect(numbers).toEqual([...numbers].sort((a, b) => a - b));
    expect(numbers.length).toBeGreaterThan(200);
    expect(problems).toEqual([
      `access log: ${(3_000 - numbers.length).toLocaleString('en-US')} lines lost: lines come faster than they are written`,
    ]);
  });

  it('outlives the reader of a FIFO, and goes on when the log is reopened', async () => {
    execFileSync('mkfifo', [file]);
    const reader = openSync(file, constants.O_RDONLY | constants.O_NONBLOCK);
    const log = open();
    closeSync(reader);
    log.write(numbered(0));
    await until(() => problems.length > 0);
    expect(problems).toEqual(['access log: broken pipe; the reader left, so no more is written until SIGHUP reopens the file']);
    log.write(numbered(1));
    rmSync(file);
    log.reopen();
    log.write(numbered(2));
    await log.close();
    expect(numbersIn(readFileSync(file, 'latin1'))).toEqual([2]);
    expect(problems.slice(1)).toEqual(['access log: 2 lines lost: broken pipe']);
  });
});

describe('standard output', () => {
  const program = `
    import { openAccessLog } from ${JSON.stringify(ACCESS_LOG_MODULE)};
    import { createFlow } from ${JSON.stringify(new URL('../../src/flows/flow.ts', import.meta.url).href)};
    const log = openAccessLog({ file: null, format: 'json', flushMs: 5, maxPendingBytes: 1e6 }, (message) => console.error(message));
    const write = () => log.write(createFlow({ id: 7, listener: 'l', address: 'a', port: 1, connectId: null }));
    write();
    process.stdin.once('data', async () => { write(); await log.close(); process.exit(0); });`;

  function start() {
    const child = spawn(process.execPath, ['--input-type=module', '-e', program], { stdio: ['pipe', 'pipe', 'pipe'] });
    let errors = '';
    child.stderr.on('data', (part) => {
      errors += part;
    });
    return { child, errors: () => errors };
  }

  it('gets the lines', async () => {
    const { child, errors } = start();
    let text = '';
    child.stdout.on('data', (part) => {
      if (text === '') child.stdin.write('go\n');
      text += part;
    });
    expect(await once(child, 'close')).toEqual([0, null]);
    expect(numbersIn(text)).toEqual([7, 7]);
    expect(errors()).toBe('');
  });

  it('may be closed by its reader without harm to the process', async () => {
    const { child, errors } = start();
    await once(child.stdout, 'data');
    child.stdout.destroy();
    await once(child.stdout, 'close');
    child.stdin.write('go\n');
    expect(await once(child, 'close')).toEqual([0, null]);
    expect(errors()).toBe('access log: 1 line lost: broken pipe\n');
  });
});

/** Paths below a folder that this process holds open (Linux). */
function openFilesUnder(path: string): string[] {
  return readdirSync(OWN_DESCRIPTORS)
    .map(targetOf)
    .filter((target) => target.startsWith(path));
}

/** Where a descriptor leads; nowhere once it is closed, as that is with which the folder was read. */
function targetOf(descriptor: string): string {
  try {
    return readlinkSync(`${OWN_DESCRIPTORS}/${descriptor}`);
  } catch {
    return '';
  }
}

const OWN_DESCRIPTORS = '/proc/self/fd';
const ACCESS_LOG_MODULE = new URL('../../src/observe/access-log.ts', import.meta.url).href;
const NOBODY = 65_534;

/** A process that writes lines to a file that it shares with others, until nothing more comes on its standard input. */
const TWENTY_LINES = `
  import { once } from 'node:events';
  import { createFlow } from './src/flows/flow.ts';
  import { ACCESS_LOG_DEFAULTS, openAccessLog } from './src/observe/access-log.ts';
  const log = openAccessLog({ ...ACCESS_LOG_DEFAULTS, file: process.argv[1], isShared: true }, console.log);
  for (let id = 0; id < 20; id += 1) {
    const flow = createFlow({ id, listener: 'http://127.0.0.1:8080', address: '127.0.0.1', port: 1, connectId: null });
    log.write(Object.assign(flow, { method: 'GET', target: 'x'.repeat(200), version: '1.1' }));
  }
  await once(process.stdin.resume(), 'end');
  await log.close();
`;
