import { expect, test } from 'vitest';
import { MARKS, place } from '../../bench/marked-part.ts';

test('what stands between the marks is replaced, and nothing else', () => {
  const document = `# Title\n\n${MARKS.begin}\n\nold\n\n${MARKS.end}\n\nrest ${MARKS.end}\n`;
  const placed = place('new', document);
  expect(placed).toBe(`# Title\n\n${MARKS.begin}\n\nnew\n\n${MARKS.end}\n\nrest ${MARKS.end}\n`);
  expect(place('new', placed)).toBe(placed);
});

test.each([null, 'something else', `${MARKS.end} ${MARKS.begin}`])('a document without them is the text alone: %j', (document) => {
  expect(place('new', document)).toBe('new\n');
});
