// Good and bad clients and origins at once, on shared upstream connections: whatever the bad ones do, each complete answer is the one to its own
// request, and nothing stays open behind them. What each does is drawn from a seeded generator, so a failure can be played again.
import { setTimeout as delay } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { startRawServer } from '../support/origin.ts';
import { connectRaw, type RawClient } from '../support/raw-client.ts';
import { BrokenOffError, type RawConnection } from '../support/raw-connection.ts';
import { startTestProxy } from '../support/start-proxy.ts';
import { readRequestHead } from '../support/strict-message.ts';

const SEED = 20_261_122;
const CLIENTS = 24;
const REQUESTS = 60;

type Answer = (connection: RawConnection, content: string) => Promise<'next' | 'over'>;

/** What an origin does when the path asks for it. Those of GOOD must be answered 200 with the right content. */
const GOOD: Readonly<Record<string, Answer>> = {
  length: async (connection, content) => {
    await connection.send(`HTTP/1.1 200 OK\r\nContent-Length: ${content.length}\r\n\r\n${content}`);
    return 'next';
  },
  chunked: async (connection, content) => {
    await connection.send('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n');
    for (let start = 0; start < content.length; start += 1_000) {
      const chunk = content.slice(start, start + 1_000);
      await connection.send(`${chunk.length.toString(16)}\r\n${chunk}\r\n`);
    }
    await connection.send('0\r\n\r\n');
    return 'next';
  },
  untilClose: async (connection, content) => {
    await connection.send(`HTTP/1.1 200 OK\r\n\r\n${content}`);
    connection.end();
    return 'over';
  },
  old: async (connection, content) => {
    await connection.send(`HTTP/1.0 200 OK\r\nContent-Length: ${content.length}\r\n\r\n${content}`);
    connection.end();
    return 'over';
  },
  interim: async (connection, content) => {
    await connection.send(`HTTP/1.1 103 Early Hints\r\nX: y\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: ${content.length}\r\n\r\n${content}`);
    return 'next';
  },
  trickled: async (connection, content) => {
    const whole = `HTTP/1.1 200 OK\r\nContent-Length: ${content.length}\r\n\r\n${content}`;
    await connection.sendSlowly(whole, Math.ceil(whole.length / 4), 1);
    return 'next';
  },
  surplus: async (connection, content) => {
    await connection.send(
      `HTTP/1.1 200 OK\r\nContent-Length: ${content.length}\r\n\r\n${content}HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil`,
    );
    return 'over';
  },
};
const BAD: Readonly<Record<string, Answer>> = {
  reset: async (connection) => {
    connection.reset();
    return 'over';
  },
  halfThenEnd: async (connection, content) => {
    await connection.send(`HTTP/1.1 200 OK\r\nContent-Length: ${content.length + 1}\r\n\r\n${content}`);
    connection.end();
    return 'over';
  },
  halfThenReset: async (connection, content) => {
    await connection.send(`HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n${content.length.toString(16)}\r\n${content}\r\n`);
    await delay(1);
    connection.reset();
    return 'over';
  },
  garbage: async (connection) => {
    await connection.send('evil\r\n\r\nevil');
    return 'over';
  },
  hang: async (connection) => {
    await connection.closed;
    return 'over';
  },
};

it('nobody gets an answer that is not his own', { timeout: 180_000 }, async () => {
  // Long enough for everybody but those who hang, on a busy machine too.
  const proxy = await startTestProxy({ upstream: { responseTimeoutMs: 5_000 } });
  await using origin = await startRawServer(serve);
  const random = generator(SEED);
  const counts = { right: 0, refused: 0, broken: 0, left: 0 };
  await Promise.all(Array.from({ length: CLIENTS }, (_, n) => runClient(`${origin.url}`, n, proxy.port, random, counts)));

  expect(counts.right + counts.refused + counts.broken + counts.left).toBe(CLIENTS * REQUESTS);
  for (const count of Object.values(counts)) expect(count).toBeGreaterThan(20);
  expect(proxy.reports).toEqual([]);
  expect(await proxy.running.drain(20_000)).toBe(0);
  await proxy.close();
});

async function serve(connection: RawConnection): Promise<void> {
  try {
    while (await connection.hasMore()) {
      const { head, complete } = await readRequestHead(connection);
      const { body } = await complete();
      const [, id, behaviour, length] = head.target.split('/');
      const answer = GOOD[behaviour!] ?? BAD[behaviour!]!;
      if ((await answer(connection, contentFor(id!, Number(length), body.toString()))) === 'over') return;
    }
    connection.end();
  } catch (error) {
    if (!(error instanceof BrokenOffError)) throw error;
    connection.destroy();
  }
}

function contentFor(id: string, length: number, sent: string): string {
  return `${id}:${sent}:`.padEnd(length, `${id} `);
}

async function runClient(
  url: string,
  n: number,
  port: number,
  random: (below: number) => number,
  counts: { right: number; refused: number; broken: number; left: number },
): Promise<void> {
  let client: RawClient | null = null;
  for (let m = 0; m < REQUESTS; m += 1) {
    client ??= await connectRaw({ port });
    const id = `${n}-${m}`;
    const isGood = random(100) < 75;
    // Those who hang take five seconds each.
    const kinds = Object.keys(isGood ? GOOD : BAD).filter((each) => each !== 'hang' || m < REQUESTS / 3);
    const kind = kinds[random(kinds.length)]!;
    const length = random(10) === 0 ? 200_000 : random(3_000);
    const sent = random(2) === 0 ? '' : 'x'.repeat(random(5) === 0 ? 100_000 : 1 + random(500));
    const start = `${sent === '' ? 'GET' : 'POST'} ${url}/${id}/${kind}/${length} HTTP/1.1\r\nHost: x\r\n`;
    const isChunked = random(2) === 0;
    const framed = sent === '' ? '\r\n' : isChunked ? chunked(sent) : `Content-Length: ${sent.length}\r\n\r\n${sent}`;
    void client.send(start + framed);
    if (random(15) === 0) {
      await delay(random(5));
      client.reset();
      client = null;
      counts.left += 1;
      continue;
    }
    try {
      const response = await client.readResponse();
      if (response.status === 200) {
        expect(response.body.toString()).toBe(contentFor(id, length, sent));
        expect(isGood, kind).toBe(true);
        counts.right += 1;
      } else {
        expect([kind, response.status]).toEqual([kind, kind === 'hang' ? 504 : 502]);
        expect(isGood, `${kind} ${response.body}`).toBe(false);
        counts.refused += 1;
      }
      if (!response.head.includes('Connection: close')) continue;
    } catch (error) {
      if (!(error instanceof BrokenOffError)) throw error;
      expect(isGood, kind).toBe(false);
      counts.broken += 1;
    }
    client.destroy();
    client = null;
  }
  client?.destroy();
}

function chunked(content: string): string {
  return `Transfer-Encoding: chunked\r\n\r\n${content.length.toString(16)}\r\n${content}\r\n0\r\n\r\n`;
}

/** Numbers from 0 to below a bound, always the same for one seed (xorshift). */
function generator(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) % below;
  };
}
