import { expect, test } from 'vitest';
import { installLine } from '../../bench/install.ts';

test('the line to type names every package', () => {
  expect(installLine(['wrk', 'nginx-light'])).toBe('apt-get install --no-install-recommends wrk nginx-light');
});
