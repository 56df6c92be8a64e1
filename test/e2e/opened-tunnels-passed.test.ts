// Tunnels that policy passes, with a real client in them: what is sent on is octet for octet what came, both ways, whether or not the proxy has read how
// the client began. Recorders stand on both sides of the proxy.
import { createHash, type Hash, randomBytes } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { type DualOrigin, startDualOrigin } from '../support/dual-origin.ts';
import { writeOpeningFiles } from '../support/opening-process.ts';
import { describeWith, succeed } from '../support/programs.ts';
import { runProxy } from '../support/run-proxy.ts';
import { createTemporaryCa, type TemporaryCa } from '../support/temp-ca.ts';
import { temporaryFolder } from '../support/temp-files.ts';

interface Recorded {
  readonly octets: number;
  readonly sha256: string;
}

interface Recorder {
  readonly port: number;
  /** Of its only connection, once both directions have ended. */
  readonly ended: Promise<{ readonly fromClient: Recorded; readonly toClient: Recorded }>;
}

/** @param skipsHeads  the CONNECT and its answer are not counted, only what follows */
async function record(toPort: number, skipsHeads: boolean): Promise<Recorder> {
  const { promise: ended, resolve } = Promise.withResolvers<Awaited<Recorder['ended']>>();
  const server = createServer({ allowHalfOpen: true }, (client) => {
    const onward = connect({ port: toPort, host: '127.0.0.1', allowHalfOpen: true });
    onTestFinished(() => void onward.destroy());
    for (const socket of [client, onward]) socket.on('error', () => {});
    const sums = [sumOf(client, skipsHeads), sumOf(onward, skipsHeads)] as const;
    client.pipe(onward);
    onward.pipe(client);
    // A pipe stops when whoever takes from it has gone; what still comes counts all the same, and the other side has to hear of the end.
    client.once('close', () => onward.resume().end());
    onward.once('close', () => client.resume().end());
    void Promise.all(sums).then(([fromClient, toClient]) => resolve({ fromClient, toClient }));
  });
  await new Promise<void>((listening) => server.listen({ host: '127.0.0.1', port: 0 }, listening));
  onTestFinished(() => void server.close());
  return { port: (server.address() as AddressInfo).port, ended };
}

/** What a socket brings until it closes. */
function sumOf(socket: Socket, skipsHead: boolean): Promise<Recorded> {
  const hash: Hash = createHash('sha256');
  let octets = 0;
  let head = skipsHead ? Buffer.alloc(0) : null;
  socket.on('data', (bytes: Buffer) => {
    let rest = bytes;
    if (head !== null) {
      head = Buffer.concat([head, bytes]);
      const end = head.indexOf('\r\n\r\n');
      if (end === -1) return;
      rest = head.subarray(end + 4);
      head = null;
    }
    octets += rest.length;
    hash.update(rest);
  });
  return new Promise((resolve) => socket.once('close', () => resolve({ octets, sha256: hash.digest('hex') })));
}

describeWith(['curl', 'openssl'], 'what passes a tunnel', () => {
  const folder = temporaryFolder(afterAll);
  const file = path.join(folder, 'content');
  const content = randomBytes(10_000_000);
  let ca: TemporaryCa;
  let origin: DualOrigin;

  beforeAll(async () => {
    writeFileSync(file, content);
    ca = createTemporaryCa(folder);
    origin = await startDualOrigin(ca, (request, response) => request.pipe(response));
  });
  afterAll(() => origin.close());

  describe.each([
    ['unread', '  - allow: { host: localhost }\n', undefined],
    ['after its greeting was read', '  - allow: { host: localhost, sni_agrees: true }\n', 'passed'],
    ['beside others that are opened', '  - tunnel: { host: localhost }\n  - intercept: { host: [localhost, other.test] }\n', undefined],
  ] as const)('%s', (_, rules, looked) => {
    test.each(['--http1.1', '--http2'])('is what came, with curl %s', async (version) => {
      const proxy = await runProxy(...writeOpeningFiles(folder, ca, rules).words);
      const behind = await record(origin.port, false);
      const before = await record(proxy.port, true);
      const words = ['--disable', '--silent', '--show-error', '--fail', '--cacert', ca.certFile, version];
      const sent = ['--proxy', `http://127.0.0.1:${before.port}`, '--data-binary', `@${file}`, '-H', 'Expect:'];
      // The certificate is the origin's own: nobody stands between.
      const echoed = await succeed('curl', [...words, ...sent, `https://localhost:${behind.port}/`]);
      expect(echoed.equals(content)).toBe(true);
      const [came, went] = await Promise.all([before.ended, behind.ended]);
      expect(went.fromClient).toEqual(came.fromClient);
      expect(came.toClient).toEqual(went.toClient);
      expect(Math.min(went.fromClient.octets, went.toClient.octets)).toBeGreaterThan(content.length);
      // curl may close before it has read the origin's close_notify: its system then resets, and the record says that the client broke off.
      const line = await proxy.logged(({ method }) => method === 'CONNECT');
      expect(line).toMatchObject({ outcome: expect.stringMatching(/^(?:tunnelled|aborted)$/), status: 200 });
      expect(line.interception).toBe(looked);
      await proxy.stop();
    });
  });
});
