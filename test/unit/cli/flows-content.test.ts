// What a terminal shows of recorded content: text as lines, the rest by what it is, and nothing that moves its cursor.
import { expect, test } from 'vitest';
import { contentLines, messageLines } from '../../../src/cli/flows-content.ts';
import type { ContentView } from '../../../src/flows/content/content-view.ts';
import type { RecordedMessage } from '../../../src/flows/recorded.ts';

const DECODED = { codings: [], charset: 'utf-8', length: 9, isCut: false };
const view = (rest: Partial<ContentView>): ContentView => ({ kind: 'text', alternatives: [], decoded: DECODED, problem: null, ...rest });

test.each<[string, ContentView | null, readonly string[]]>([
  ['nothing', null, []],
  ['text, with what would move the cursor escaped', view({ text: 'a\n\u001b[2Jb\n' }), ['a', '\\u001b[2Jb']],
  ['a form', view({ kind: 'form', rows: [['user', 'ada']] }), ['user: ada']],
  [
    'parts',
    view({ kind: 'multipart', parts: [view({ title: 'file a.txt', text: 'x' }), view({ kind: 'hex', text: '00' })] }),
    ['[file a.txt]', 'x', '[hex]', '(9 B, binary: the inspector shows it)'],
  ],
  [
    'a tree',
    view({ kind: 'protobuf', tree: [{ name: '3', note: 'message', children: [{ name: '1', value: '5' }] }] }),
    ['3 (message)', '  1: 5'],
  ],
  ['a picture', view({ kind: 'image' }), ['(9 B, image: the inspector shows it)']],
  ['what is wrong with it', view({ text: '', problem: 'It breaks off.' }), ['', '(It breaks off.)']],
])('%s', (_, shown, lines) => {
  expect(contentLines(shown)).toEqual(lines);
});

test('of a long text the first lines, and how many there are behind them', () => {
  const lines = contentLines(view({ text: 'x\n'.repeat(250) }));
  expect([lines.length, lines.at(-1)]).toEqual([201, '(50 lines more: the inspector shows them)']);
});

test('a message of a WebSocket is a line, with its direction', () => {
  const message = (rest: Partial<RecordedMessage>): RecordedMessage => ({
    exchangeId: 1,
    number: 1,
    atMs: Date.parse('2026-11-23T10:00:00.500'),
    direction: 'from-client',
    kind: 'text',
    length: 5,
    contentLength: 5,
    isCompressed: false,
    closeCode: null,
    problem: null,
    preview: Buffer.from('hello').toString('base64'),
    ...rest,
  });
  const close = message({ direction: 'to-client', kind: 'close', closeCode: 1000, preview: '', length: 2 });
  const binary = message({ kind: 'binary', preview: 'AQI=', length: 2, fate: { of: 4, how: 'edited' } });
  expect(messageLines([message({}), close, binary], 5)).toEqual([
    '> 10:00:00.500  text  5 B  hello',
    '< 10:00:00.500  close 1000  2 B  ',
    '> 10:00:00.500  binary edited, message 4  2 B  0102',
    '(2 messages more: the inspector shows them)',
  ]);
});
