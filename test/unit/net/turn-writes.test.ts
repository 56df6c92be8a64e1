import { setImmediate } from 'node:timers/promises';
import { expect, it, onTestFinished } from 'vitest';
import { holdForTurn, releaseNow } from '../../../src/net/turn-writes.ts';
import { MemoryOutput } from '../../support/memory-output.ts';

function write(output: MemoryOutput, text: string): void {
  holdForTurn(output);
  output.write(Buffer.from(text));
}

it('lets what was written in a turn leave at its end, in one piece for each connection', async () => {
  const [one, two] = [new MemoryOutput(), new MemoryOutput()];
  for (const text of ['a', 'b']) for (const output of [one, two]) write(output, text);
  await null;
  expect([one.text, two.text]).toEqual(['', '']);
  await setImmediate();
  expect([one, two].map(({ text, packets }) => ({ text, packets }))).toEqual(Array(2).fill({ text: 'ab', packets: 1 }));
  write(one, 'c');
  await setImmediate();
  expect(one.text).toBe('abc');
});

it('lets go of it earlier when asked to, and of what follows at the end of the turn', async () => {
  const output = new MemoryOutput();
  write(output, 'a');
  releaseNow(output);
  expect(output.text).toBe('a');
  write(output, 'b');
  expect(output.text).toBe('a');
  await setImmediate();
  expect({ text: output.text, corked: output.writableCorked }).toEqual({ text: 'ab', corked: 0 });
});

it('makes nobody wait for more than 63 others', async () => {
  const outputs = Array.from({ length: 65 }, () => new MemoryOutput());
  for (const output of outputs) write(output, 'a');
  expect(outputs.map(({ text }) => text)).toEqual([...Array(64).fill('a'), '']);
  await setImmediate();
  expect(outputs.map(({ text }) => text)).toEqual(Array(65).fill('a'));
});

it('lets go of all others when one of them throws, which is told of as a defect', async () => {
  const told: unknown[] = [];
  const before = process.listeners('uncaughtException');
  process.removeAllListeners('uncaughtException').on('uncaughtException', (thrown) => told.push(thrown));
  onTestFinished(() => {
    process.removeAllListeners('uncaughtException');
    for (const listener of before) process.on('uncaughtException', listener);
  });
  const defect = new Error('not to be uncorked');
  const broken = {
    writableCorked: 0,
    cork: () => {},
    uncork: () => {
      throw defect;
    },
  };
  const output = new MemoryOutput();
  holdForTurn(broken);
  write(output, 'a');
  await setImmediate();
  await setImmediate();
  expect({ text: output.text, told }).toEqual({ text: 'a', told: [defect] });
});
