// Installs the packages when they are missing or older than the lock file, so that every npm script works in a fresh clone.
// CommonJS and plain syntax on purpose: it runs on whatever Node the machine has.
'use strict';
const { existsSync, statSync } = require('node:fs');
const { spawnSync } = require('node:child_process');
const path = require('node:path');

const root = path.join(__dirname, '..');
const lockFile = path.join(root, 'package-lock.json');
const installed = path.join(root, 'node_modules', '.package-lock.json');

if (!existsSync(installed) || statSync(installed).mtimeMs < statSync(lockFile).mtimeMs) {
  process.stderr.write('Installing packages (npm ci) ...\n');
  // The output goes to standard error: a command's own output stays clean for pipes.
  const npm = process.env.npm_execpath;
  const [command, args] = npm ? [process.execPath, [npm, 'ci', '--loglevel=error']] : ['npm', ['ci', '--loglevel=error']];
  const result = spawnSync(command, args, { cwd: root, stdio: ['ignore', 2, 2], shell: !npm && process.platform === 'win32' });
  if (result.error || result.status !== 0) {
    process.stderr.write(`npm ci failed${result.error ? `: ${result.error.message}` : ''}. See its message above.\n`);
    process.exit(1);
  }
}
