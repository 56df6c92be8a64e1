import { expect, test } from 'vitest';
import { EventStreamReader } from '../../../src/flows/event-stream.ts';

const STREAMS: readonly [string, string, readonly string[]][] = [
  ['one event', 'data: a\n\n', ['data: a\n']],
  ['two, with other line ends', 'data: a\r\n\r\nid: 1\rdata: b\r\r', ['data: a\r\n', 'id: 1\rdata: b\r']],
  ['a line without a colon is a field without a value', 'data\n\n', ['data\n']],
  ['comments and blocks without data are none', ': ping\n\nevent: x\n\ndatabase: no\n\ndata: yes\n\n', ['data: yes\n']],
  ['one that has not ended is none yet', 'data: a\n\ndata: b\n', ['data: a\n']],
  ['empty lines alone', '\n\n\r\n\r\n', []],
];

test.each(STREAMS)('%s (WHATWG HTML §9.2.6)', (_, stream, events) => {
  for (let size = 1; size <= stream.length; size += 1)
    expect(eventsOf(stream, size).map(({ preview }) => preview.toString())).toEqual(events);
});

test('counts all octets of an event and keeps its beginning', () => {
  const [event] = eventsOf(`data: ${'x'.repeat(10_000)}\n\n`, 999);
  expect(event).toMatchObject({ kind: 'sse', direction: 'to-client', length: 10_007, contentLength: 10_007 });
  expect(event!.preview).toHaveLength(4_096);
});

function eventsOf(stream: string, size: number) {
  const events: Parameters<ConstructorParameters<typeof EventStreamReader>[0]>[0][] = [];
  const reader = new EventStreamReader((event) => events.push(event));
  for (let at = 0; at < stream.length; at += size) reader.read(Buffer.from(stream.slice(at, at + size)));
  return events;
}
