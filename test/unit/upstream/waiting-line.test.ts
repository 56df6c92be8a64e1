import { afterEach, beforeEach, expect, test } from 'vitest';
import { Cancellation } from '../../../src/net/cancellation.ts';
import { Deadlines } from '../../../src/net/deadlines.ts';
import { WaitingLine } from '../../../src/upstream/waiting-line.ts';

let deadlines: Deadlines;
let line: WaitingLine;

beforeEach(() => {
  deadlines = new Deadlines();
  line = new WaitingLine();
});

afterEach(() => deadlines.close());

test('those who have waited longest are woken first, as many as there are places', async () => {
  const woken: number[] = [];
  const waits = [1, 2, 3].map((each) => wait('a').then(() => woken.push(each)));
  line.wake('b', 9);
  line.wake('a', 2);
  await Promise.all(waits.slice(0, 2));
  expect(woken).toEqual([1, 2]);
  line.wake('a', Number.POSITIVE_INFINITY);
  await waits[2];
  expect(woken).toEqual([1, 2, 3]);
});

test('who has left is not woken in place of another', async () => {
  const cancellation = new Cancellation();
  const gone = wait('a', cancellation);
  const stays = wait('a');
  cancellation.cancel();
  await expect(gone).rejects.toMatchObject({ code: 'connection_terminated' });
  line.wake('a', 1);
  await stays;
});

test('nobody waits for longer than is said', async () => {
  await expect(line.wait('a', 'origin:443', 50, deadlines, new Cancellation())).rejects.toMatchObject({
    code: 'connection_limit_reached',
    message: 'origin:443 was busy with as many requests as it takes for 50 ms.',
  });
});

function wait(key: string, cancellation = new Cancellation()): Promise<void> {
  return line.wait(key, 'origin:443', 10_000, deadlines, cancellation);
}
