import { expect, test, vi } from 'vitest';
import { Cancellation } from '../../../src/net/cancellation.ts';

test('tells whoever listens, once', () => {
  const cancellation = new Cancellation();
  const heard = vi.fn();
  cancellation.listen({ cancel: heard });
  expect(cancellation.isCancelled).toBe(false);
  cancellation.cancel();
  cancellation.cancel();
  expect(cancellation.isCancelled).toBe(true);
  expect(heard).toHaveBeenCalledTimes(1);
});

test('tells the last listener alone', () => {
  const cancellation = new Cancellation();
  const before = vi.fn();
  const now = vi.fn();
  cancellation.listen({ cancel: before });
  cancellation.listen({ cancel: now });
  cancellation.cancel();
  expect({ before: before.mock.calls.length, now: now.mock.calls.length }).toEqual({ before: 0, now: 1 });
});

test('tells one that listens too late at once', () => {
  const cancellation = new Cancellation();
  cancellation.cancel();
  const heard = vi.fn();
  cancellation.listen({ cancel: heard });
  expect(heard).toHaveBeenCalledTimes(1);
});

test('tells nobody when nobody listens', () => {
  const cancellation = new Cancellation();
  const heard = vi.fn();
  cancellation.listen({ cancel: heard });
  cancellation.listen(null);
  cancellation.cancel();
  cancellation.listen(null);
  expect(heard).not.toHaveBeenCalled();
});

test('a listener may listen again from within', () => {
  const cancellation = new Cancellation();
  const order: string[] = [];
  cancellation.listen({
    cancel: () => {
      order.push('first');
      cancellation.listen({ cancel: () => order.push('second') });
    },
  });
  cancellation.cancel();
  expect(order).toEqual(['first', 'second']);
});
