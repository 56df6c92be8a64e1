// One writer, many readers, in any order of events: each reader gets exactly the content or a failure, and nothing is left open.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type ArrivalOutcome, ArrivingResponse } from '../../src/cache/arriving.ts';
import { ProxyError } from '../../src/errors/proxy-error.ts';
import { Listener, SlowWriter, Source } from '../unit/cache/moving-content.ts';
import { storedOf } from '../unit/cache/rules/stored-of.ts';

const RESPONSE = storedOf('');
const BROKEN = new ProxyError('http_response_incomplete', 'The origin broke its answer off.');

type Step =
  | { readonly kind: 'push'; readonly octets: number }
  | { readonly kind: 'join'; readonly isSlow: boolean }
  | { readonly kind: 'slow' | 'goOn' | 'leave'; readonly who: number }
  | { readonly kind: 'catchUp' };

const who = fc.nat(7);
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('push' as const), octets: fc.oneof(fc.nat(9), fc.constant(100_000)) }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('join' as const), isSlow: fc.boolean() }) },
  { weight: 4, arbitrary: fc.record({ kind: fc.constantFrom('slow' as const, 'goOn' as const, 'leave' as const), who }) },
  { weight: 2, arbitrary: fc.constant({ kind: 'catchUp' as const }) },
);

const run = fc.record({
  steps: fc.array(step, { maxLength: 40 }),
  ending: fc.constantFrom('end', 'fail', 'none'),
  isLengthKnown: fc.boolean(),
  isKeptAnyway: fc.boolean(),
  writer: fc.record({
    room: fc.oneof(fc.constant(Number.POSITIVE_INFINITY), fc.nat(40), fc.nat(300_000)),
    isAsync: fc.boolean(),
    isBehind: fc.boolean(),
    pieceBytes: fc.constantFrom(1, 3, 65_536),
    commits: fc.boolean(),
  }),
});

/** Octets that show their position. */
function contentOf(length: number): string {
  let text = '';
  for (let i = 0; text.length < length; i += 1) text += `${i},`;
  return text.slice(0, length);
}

describe('an arriving response', () => {
  test('gives every reader exactly the content or a failure, is released once, and leaves its source finished or cancelled', async () => {
    await fc.assert(
      fc.asyncProperty(run, async ({ steps, ending, isLengthKnown, isKeptAnyway, writer: behaviour }) => {
        const total = steps.reduce((sum, each) => sum + (each.kind === 'push' ? each.octets : 0), 0);
        const content = contentOf(total);
        const source = new Source(isLengthKnown ? total : null);
        // A store that gives back single octets of much content would be tested for its patience.
        const writer = new SlowWriter({ ...behaviour, pieceBytes: total > 1_000 ? 65_536 : behaviour.pieceBytes });
        const outcomes: ArrivalOutcome[] = [];
        const arriving = new ArrivingResponse(RESPONSE, source, writer, {
          commit: () => writer.commit(RESPONSE),
          ended: (outcome) => outcomes.push(outcome),
        });
        const readers = [new Listener(arriving.read())];
        if (isKeptAnyway) arriving.keepAnyway();
        readers[0]!.begin();
        let sent = 0;
        for (const each of steps) {
          const reader = 'who' in each ? readers[each.who % readers.length]! : null;
          if (each.kind === 'push') {
            source.push(Buffer.from(content.slice(sent, sent + each.octets), 'latin1'));
            sent += each.octets;
          } else if (each.kind === 'join') {
            if (outcomes.length > 0 || !arriving.isShareable) continue;
            const late = new Listener(arriving.read());
            late.isSlow = each.isSlow;
            readers.push(late.begin());
          } else if (each.kind === 'catchUp') await writer.catchUp();
          else if (each.kind === 'slow') reader!.isSlow = true;
          else if (each.kind === 'goOn') reader!.goOn();
          else if (reader!.ending === 'open' && !reader!.hasLeft) reader!.leave();
        }
        if (ending === 'end') source.end();
        else if (ending === 'fail') source.fail(BROKEN);
        else for (const reader of readers) if (reader.ending === 'open' && !reader.hasLeft) reader.leave();
        // From here on everybody is quick.
        for (const reader of readers) reader.isSlow = false;
        for (let turn = 0; turn < 200 && !(writer.calls.includes('release') && readers.every(isDone)); turn += 1) {
          for (const reader of readers) if (!reader.hasLeft) reader.goOn();
          await writer.catchUp();
        }
        const isUnfinished = ending === 'none' && !source.isCancelled;
        for (const reader of readers) {
          expect(content.startsWith(reader.text)).toBe(true);
          if (reader.ending === 'complete') expect([ending, reader.text.length]).toEqual(['end', total]);
          else if (!reader.hasLeft)
            expect([reader.ending, ending === 'end' && !source.isCancelled]).toEqual([expect.any(ProxyError), false]);
        }
        // Nobody reads it any more, and it was worth finishing: it waits for an origin that says nothing more.
        if (isUnfinished) return;
        expect(writer.calls.filter((call) => call === 'release')).toHaveLength(1);
        expect(writer.calls.at(-1)).toBe('release');
        expect(outcomes).toHaveLength(1);
        expect(writer.stored !== null).toBe(outcomes[0] === 'stored');
        if (outcomes[0] === 'stored') expect(writer.text).toBe(content);
        if (ending !== 'end') expect(outcomes).toEqual(['incomplete']);
      }),
      { numRuns: 400 },
    );
  });
});

function isDone({ ending, hasLeft }: Listener): boolean {
  return hasLeft || ending !== 'open';
}
