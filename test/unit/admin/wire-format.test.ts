import { expect, test } from 'vitest';
import { fromWire, toWire } from '../../../src/admin/wire-format.ts';

test('members are in snake_case on the wire and come back as they were; texts and lists stay', () => {
  const ours = { isFresh: true, storedAtMs: 1, origin: null, fields: [{ name: 'X-isFresh', value: 'a_b aB' }], tags: ['aB'] };
  const wire = { is_fresh: true, stored_at_ms: 1, origin: null, fields: [{ name: 'X-isFresh', value: 'a_b aB' }], tags: ['aB'] };
  expect(toWire(ours)).toEqual(wire);
  expect(fromWire(wire)).toEqual(ours);
});
