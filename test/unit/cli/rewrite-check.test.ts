import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { main } from '../../../src/cli/cli.ts';
import { temporaryFolder } from '../../support/temp-files.ts';
import { recordingTerminal } from './recording-terminal.ts';

const folder = temporaryFolder(afterAll);
const rules = 'version: 1\nrules:\n  - { name: Down, match: "host:a.example", answer: { status: 503 } }\n';
writeFileSync(path.join(folder, 'rewrite.yaml'), rules);
writeFileSync(path.join(folder, 'bad.yaml'), rules.replace('503', '99'));

test.each<[string, readonly string[], number, RegExp]>([
  ['the one that is configured', [], 0, /^rewrite\.yaml: 1 rule$/m],
  ['one that is right', ['rewrite.yaml'], 0, /^rewrite\.yaml: 1 rule$/m],
  ['each of several', ['bad.yaml', 'rewrite.yaml'], 65, /bad\.yaml:3:\d+: status: expected a status from 200 to 599/],
  ['one that is not there', ['none.yaml'], 66, /none\.yaml: the file of rewriting rules does not exist/],
])('rewrite check looks at %s', async (_, files, code, text) => {
  const terminal = recordingTerminal(folder, { SALLYPORT_STATE_DIR: folder });
  expect(await main(['rewrite', 'check', ...files], terminal)).toBe(code);
  expect([...terminal.printed, ...terminal.reported].join('\n')).toMatch(text);
});
