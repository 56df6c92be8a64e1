#!/usr/bin/env node
// Plain CommonJS that any Node understands: starts the proxy with the Node that the package pins, whatever Node called it.
'use strict';
const { existsSync } = require('node:fs');
const { spawn } = require('node:child_process');
const path = require('node:path');

// The system's resolver runs on these threads, half of them at most: with the usual four, two silent name servers would hold up everybody.
process.env.UV_THREADPOOL_SIZE ??= '32';

const root = path.join(__dirname, '..');
// A package brings dist alone; in a clone, what was built once may be older than the source.
const source = path.join(root, 'src', 'main.ts');
const main = existsSync(source) ? source : path.join(root, 'dist', 'main.js');
const args = process.argv.slice(2);

if (Number(process.versions.node.split('.')[0]) >= 24) {
  const v8 = require('node:v8');
  // Connections live for milliseconds and are many at once, so each minor collection finds some; V8 takes that for a long life, and makes their
  // like in the old generation from then on. There they keep all they refer to until the next full collection: half as much CPU again for a tunnel.
  v8.setFlagsFromString('--no-allocation-site-pretenuring');
  // Node gives each stream a closure that V8 makes in the old generation too, with the same cost, until the code around it is optimised for good.
  // A third of the usual 3000 calls is enough to know it by.
  v8.setFlagsFromString('--invocation-count-for-turbofan=1000');
  // A request passes through many small stages. Where a compiled function may take in more than the usual 460 octets of one that it calls, and 920 of
  // all, calls between them go away, and what is made only to be handed over: three to four percent of the CPU for a request that is forwarded.
  v8.setFlagsFromString('--max-inlined-bytecode-size=900');
  v8.setFlagsFromString('--max-inlined-bytecode-size-cumulative=2400');
  // Modules are stripped of types and compiled once, and kept beside the packages: later starts take half the time and a quarter less memory.
  // Not in the system's temporary folder, where others could leave code for us; where it cannot be written, that is all that is lost.
  require('node:module').enableCompileCache(path.join(root, 'node_modules', '.cache', 'sallyport'));
  import(require('node:url').pathToFileURL(main).href);
} else {
  const node = pinnedNode();
  if (!node) {
    process.stderr.write(
      `sallyport needs Node 24 or newer; this is ${process.version}, and no pinned Node is installed for ${process.platform}-${process.arch}.\n`,
    );
    process.exit(69);
  }
  // This file again: what the branch above sets up holds for the pinned Node too. The flag, which package.json gives too, counts only at the start of
  // a process: it keeps V8's young generation at 16 MB, where it would grow to 64. Our garbage is short-lived, so the rest is memory for nothing.
  const child = spawn(node, ['--max-semi-space-size=8', __filename, ...args], { stdio: 'inherit' });
  for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP', 'SIGQUIT']) process.on(signal, () => child.kill(signal));
  child.on('exit', (code, signal) => (signal ? process.kill(process.pid, signal) : process.exit(code)));
}

function pinnedNode() {
  const names = [
    `node-${process.platform === 'win32' ? 'win' : process.platform}-${process.arch}`,
    `node-bin-${process.platform}-${process.arch}`,
  ];
  for (const name of names) {
    try {
      const folder = path.dirname(require.resolve(`${name}/package.json`));
      const file = path.join(folder, 'bin', process.platform === 'win32' ? 'node.exe' : 'node');
      if (existsSync(file)) return file;
    } catch {
      // not installed: the next name
    }
  }
  return undefined;
}
