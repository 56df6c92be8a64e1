import { describe, expect, test } from 'vitest';
import { parseOptions } from '../../soak/options.ts';

describe('the command line of the soak', () => {
  test('asks for all but growth, and for two million requests there, when nothing is said', () => {
    expect(parseOptions([])).toEqual({
      seconds: 120,
      clients: 500,
      tunnels: 5_000,
      phases: ['tunnels', 'busy', 'opened', 'hostile'],
      seed: 1,
      requests: 2_000_000,
      workers: [1, 2],
    });
  });

  test('takes every flag', () => {
    const words = ['--seconds', '5', '--clients', '10', '--tunnels', '20', '--phase', 'busy', '--seed', '9'];
    words.push('--requests', '8000', '--workers', '2,4');
    expect(parseOptions(words)).toEqual({
      seconds: 5,
      clients: 10,
      tunnels: 20,
      phases: ['busy'],
      seed: 9,
      requests: 8_000,
      workers: [2, 4],
    });
  });

  test('takes several phases', () => {
    expect(parseOptions(['--phase', 'hostile,busy'])).toMatchObject({ phases: ['busy', 'hostile'] });
  });

  test.each([
    ['--phase', 'busy,idle'],
    ['--seconds', '0'],
    ['--clients', 'many'],
    ['--tunnels', '9000'],
    ['--phase', 'idle'],
    ['--workers', '1,'],
    ['--requests', '100'],
    ['--sceconds', '5'],
  ])('refuses %s %s', (...words) => {
    expect(() => parseOptions(words)).toThrow();
  });
});
