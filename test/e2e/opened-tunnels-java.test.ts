// Java's own client through tunnels that the proxy opens: HTTP/2 and HTTP/1.1, with a trust store that keytool has made of the exported certificate.
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type DualOrigin, startDualOrigin } from '../support/dual-origin.ts';
import { type OpeningProcess, runOpeningProxy } from '../support/opening-process.ts';
import { describeWith, type Ended, run, succeed } from '../support/programs.ts';
import { createTemporaryCa } from '../support/temp-ca.ts';
import { temporaryFolder } from '../support/temp-files.ts';

const RULES = `  - name: Secrets
    deny: { host: localhost, path: /secret/* }
  - intercept: { host: localhost }
`;
const PASSWORD = 'changeit';
/** @see the words it is started with: version of HTTP, port of the proxy, URL of the origin */
const PROGRAM = `
import java.net.InetSocketAddress;
import java.net.ProxySelector;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.util.Arrays;
import java.util.Random;
import java.util.concurrent.CompletableFuture;
import java.util.stream.IntStream;

public class Client {
  public static void main(String[] words) throws Exception {
    HttpClient client = HttpClient.newBuilder()
        .version(HttpClient.Version.valueOf(words[0]))
        .proxy(ProxySelector.of(new InetSocketAddress("127.0.0.1", Integer.parseInt(words[1]))))
        .build();
    String url = words[2];
    byte[] content = new byte[5_000_000];
    new Random().nextBytes(content);
    HttpResponse<byte[]> echoed = client.send(
        HttpRequest.newBuilder(URI.create(url + "/echo")).POST(HttpRequest.BodyPublishers.ofByteArray(content)).build(),
        HttpResponse.BodyHandlers.ofByteArray());
    check(Arrays.equals(content, echoed.body()), "what was echoed");
    check(echoed.version().toString().equals(words[0]), "the version, which is " + echoed.version());
    var many = IntStream.range(0, 20).mapToObj((index) -> {
      String text = String.valueOf(index).repeat(20_000);
      var request = HttpRequest.newBuilder(URI.create(url + "/many")).PUT(HttpRequest.BodyPublishers.ofString(text)).build();
      return client.sendAsync(request, HttpResponse.BodyHandlers.ofString())
          .thenAccept((answer) -> check(answer.body().equals(text), "number " + index));
    }).toArray(CompletableFuture[]::new);
    CompletableFuture.allOf(many).join();
    var denied = client.send(HttpRequest.newBuilder(URI.create(url + "/secret/a")).build(), HttpResponse.BodyHandlers.ofString());
    check(denied.statusCode() == 403 && denied.body().contains("Secrets"), "the denial");
    System.out.println("all is well");
  }

  static void check(boolean holds, String what) {
    if (!holds) throw new IllegalStateException(what);
  }
}
`;

describeWith(['java', 'keytool', 'openssl'], 'Java, through opened tunnels', () => {
  const folder = temporaryFolder(afterAll);
  const store = path.join(folder, 'trust.p12');
  let proxy: OpeningProcess;
  let origin: DualOrigin;

  beforeAll(async () => {
    const ca = createTemporaryCa(folder);
    origin = await startDualOrigin(ca, (request, response) => request.pipe(response));
    proxy = await runOpeningProxy(folder, ca, RULES);
    const words = ['-noprompt', '-alias', 'sallyport', '-keystore', store, '-storepass', PASSWORD];
    await succeed('keytool', ['-importcert', '-file', proxy.authorityFile, ...words]);
    writeFileSync(path.join(folder, 'Client.java'), PROGRAM);
  });
  afterAll(async () => {
    await proxy.stop();
    await origin.close();
  });

  function client(version: string, ...properties: readonly string[]): Promise<Ended> {
    return run('java', [...properties, path.join(folder, 'Client.java'), version, String(proxy.port), origin.url]);
  }

  test.each([
    ['HTTP_2', '2'],
    ['HTTP_1_1', '1.1'],
  ])('sends and receives over %s, twenty at once, and reads a denial', async (name, version) => {
    const trust = [`-Djavax.net.ssl.trustStore=${store}`, `-Djavax.net.ssl.trustStorePassword=${PASSWORD}`];
    const before = proxy.log.length;
    const { code, out, err } = await client(name, ...trust);
    expect({ code, out: out.toString(), err }).toEqual({ code: 0, out: 'all is well\n', err: '' });
    await proxy.logged((line) => line.target === `${origin.url}/secret/a` && line.version === version);
    const inside = proxy.log.slice(before).filter(({ connect, outcome }) => connect !== undefined && outcome === 'forwarded');
    expect(inside).toHaveLength(21);
    expect(inside.filter((line) => line.version !== version)).toEqual([]);
  });

  test('says that it finds no valid certification path without trust, and the record says how it left', async () => {
    const { code, err } = await client('HTTP_2');
    expect(code).toBe(1);
    expect(err).toContain('unable to find valid certification path to requested target');
    const line = await proxy.logged(({ interception }) => interception === 'refused');
    // It closes right behind its alert, which may get lost with that.
    expect(line).toMatchObject({
      method: 'CONNECT',
      interception_why: expect.stringMatching(/left without a word|alert certificate_unknown/),
    });
  });
});
