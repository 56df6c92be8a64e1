import { expect, test } from 'vitest';
import { plot } from '../../bench/plot.ts';
import { EXAMPLE_MACHINE, rounds } from '../../support/measurements.ts';

test('a bar is as long as the ratio, with its number behind it, and cut at twice the cost', () => {
  const svg = plot({ ...EXAMPLE_MACHINE, cpu: 'A<B&C' }, [
    ...rounds('forward', 'sallyport', [50]),
    ...rounds('forward', 'squid', [100]),
    ...rounds('idle', 'sallyport', [90]),
    ...rounds('idle', 'squid', [30]),
    ...rounds('idle', 'ats', [15]),
    ...rounds('connect', 'sallyport', [1]),
  ]);
  const widths = [...svg.matchAll(/<rect class="(\w+)" [^>]*width="([\d.]+)"/g)].map(([, kind, width]) => [kind, Number(width)]);
  expect(widths).toEqual([
    ['less', 120],
    ['more', 480],
  ]);
  expect(svg).toContain('>0.50</text>');
  expect(svg).toContain('>idle (memory)</text>');
  expect(svg).toContain('>3.00</text>');
  expect(svg).toContain('A&lt;B&amp;C');
  // Half of Squid's memory: where a bar of 0.5 would end.
  expect(svg.match(/<path class="ats" d="M[\d.]+ /g)).toEqual(['<path class="ats" d="M310.0 ']);
});
