// Builds the inspector's page when it is missing or older than what it is made of, so that `npm start` serves it in a fresh clone.
// CommonJS and plain syntax on purpose: it runs on whatever Node the machine has; the build runs on the one of this project.
'use strict';
const { existsSync, readdirSync, statSync } = require('node:fs');
const { spawnSync } = require('node:child_process');
const path = require('node:path');

const root = path.join(__dirname, '..');
const built = path.join(root, 'dist', 'inspector', 'index.html');
const sources = [
  'src/inspector/ui',
  'src/flows/filter',
  'src/flows/recorded.ts',
  'src/flows/changed-fields.ts',
  '.config/vite.config.ts',
  'package-lock.json',
];

if (!existsSync(built) || sources.some((source) => newest(path.join(root, source)) > statSync(built).mtimeMs)) {
  const vite = path.join(root, 'node_modules', 'vite', 'bin', 'vite.js');
  const bin = path.join(root, 'node_modules', '.bin');
  const node = existsSync(path.join(bin, 'node')) ? path.join(bin, 'node') : process.execPath;
  // What it is built for, whoever starts it: a test runner's own NODE_ENV would make it a larger and slower page, with paths of this machine in it.
  const env = { ...process.env, NODE_ENV: 'production' };
  const result = spawnSync(node, [vite, 'build', '--config', '.config/vite.config.ts'], { cwd: root, encoding: 'utf8', env });
  if (result.error || result.status !== 0) {
    process.stderr.write(`${result.stdout || ''}${result.stderr || ''}`);
    process.stderr.write("The inspector's page could not be built. See the message above.\n");
    process.exit(1);
  }
}

/** When the file, or what is newest in the folder, was changed; 0 for nothing. */
function newest(where) {
  if (!existsSync(where)) return 0;
  const stat = statSync(where);
  if (!stat.isDirectory()) return stat.mtimeMs;
  return Math.max(stat.mtimeMs, ...readdirSync(where).map((name) => newest(path.join(where, name))));
}
