// A list of filters from somebody who means harm, or is careless, and a client that knows the URLs which it takes longest to judge.
import { expect, onTestFinished, test } from 'vitest';
import { startOrigin } from '../support/origin.ts';
import { ask, policyOf } from '../support/policies.ts';
import { startTestProxy } from '../support/start-proxy.ts';
import { temporaryFile } from '../support/temp-files.ts';

test('a URL with too many parts for a list is denied with that reason, and other clients are answered meanwhile', async () => {
  const origin = await startOrigin((_, reply) => reply.response({ body: 'reached' }));
  onTestFinished(() => origin.close());
  const filters = Array.from({ length: 9_900 }, (_, n) => `a${n}b`).join('\n');
  const file = temporaryFile(onTestFinished, 'filters.txt', filters);
  await using proxy = await startTestProxy({
    policyFile: policyOf(`default: deny
connect_ports: any
lists: { filters: { file: ${file}, format: adblock } }
rules:
  - { name: Clean, allow: { host: 127.0.0.1, not: { in: filters } }, allow_private: true }
  - { allow: { host: 127.0.0.1 }, allow_private: true }
`),
  });
  const url = `http://127.0.0.1:${origin.port}/`;
  const hostile = Array.from({ length: 8 }, (_, n) => ask(proxy, `GET ${url}${n}${'a'.repeat(16_000)}`, 'Accept: text/plain\r\n'));
  const ordinary = Array.from({ length: 8 }, (_, n) => ask(proxy, `GET ${url}story-${n}.html`));
  for (const { status } of await Promise.all(ordinary)) expect(status).toBe(200);
  for (const { status, body } of await Promise.all(hostile)) {
    expect(status).toBe(403);
    const page = body.toString().replaceAll('\n', ' ');
    expect(page).toContain("the URL has too many parts for list filters, so that rule 'Clean' (policy.yaml:6) cannot judge it");
    expect(page).toContain('Shorten the URL');
  }
  expect(origin.requests).toHaveLength(ordinary.length);
});
