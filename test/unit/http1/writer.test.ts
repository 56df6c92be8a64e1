import { setImmediate } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { ProxyError } from '../../../src/errors/proxy-error.ts';
import { CHUNKED, type Framing, UNTIL_CLOSE } from '../../../src/http/framing.ts';
import { FULL, KEPT, NO_FIELDS, TAKEN } from '../../../src/http/message.ts';
import { MessageWriter, requestHeadText, responseHeadText } from '../../../src/http1/writer.ts';
import { MemoryOutput } from '../../support/memory-output.ts';

const FIELDS = [
  { name: 'Accept', value: '*/*' },
  { name: 'X-Empty', value: '' },
];

describe('heads', () => {
  it.each<[string, string, Framing, string]>([
    ['GET without content has no framing field', 'GET', 0, ''],
    ['GET with a length', 'GET', 3, 'Content-Length: 3\r\n'],
    ['POST without content says so (RFC 9110 §8.6)', 'POST', 0, 'Content-Length: 0\r\n'],
    ['PUT in chunks', 'PUT', CHUNKED, 'Transfer-Encoding: chunked\r\n'],
    ['DELETE without content', 'DELETE', 0, ''],
  ])('of a request: %s', (_, method, framing, line) => {
    expect(requestHeadText(method, '/a', 'a.example:81', FIELDS, framing)).toBe(
      `${method} /a HTTP/1.1\r\nHost: a.example:81\r\nAccept: */*\r\nX-Empty: \r\n${line}\r\n`,
    );
  });

  it.each<[string, Framing | null, string | null, string]>([
    ['a length', 3, null, 'Content-Length: 3\r\n'],
    ['a length of zero', 0, null, 'Content-Length: 0\r\n'],
    ['chunks', CHUNKED, 'keep-alive', 'Transfer-Encoding: chunked\r\nConnection: keep-alive\r\n'],
    ['until the connection closes', UNTIL_CLOSE, 'close', 'Connection: close\r\n'],
    ['no content by definition', null, null, ''],
  ])('of a response: %s', (_, framing, connection, lines) => {
    expect(responseHeadText(200, 'OK', FIELDS, framing, connection)).toBe(`HTTP/1.1 200 OK\r\nAccept: */*\r\nX-Empty: \r\n${lines}\r\n`);
  });
});

describe('MessageWriter', () => {
  it('sends the head together with the first small content, in one write', () => {
    const { output, writer, done } = writing('HEAD', 5);
    expect(writer.write(Buffer.from('hello'))).toBe(TAKEN);
    writer.end(NO_FIELDS);
    expect(output.writes).toEqual(['HEADhello']);
    expect(done).toEqual([null]);
    expect(writer.bytesWritten).toBe(9);
  });

  it('sends large content without copying it, corked with its head', () => {
    const large = Buffer.alloc(20_000, 'x');
    const { output, writer } = writing('HEAD', large.length);
    writer.write(large);
    expect(output.buffers).toContain(large);
    expect(output.packets).toBe(1);
    expect(writer.bytesWritten).toBe(20_004);
  });

  it('sends the head alone at the end of a message without content', () => {
    const { output, writer, done } = writing('HEAD', null);
    writer.end(NO_FIELDS);
    output.endTurn();
    expect({ text: output.text, done }).toEqual({ text: 'HEAD', done: [null] });
  });

  it('sends the head on flush, once', () => {
    const { output, writer } = writing('HEAD', 1);
    writer.flush();
    writer.flush();
    writer.write(Buffer.from('x'));
    expect(output.writes).toEqual(['HEAD', 'x']);
  });

  it('sends a short chunked message, its last chunk included, in one write', () => {
    const { output, writer } = writing('HEAD', CHUNKED);
    writer.write(Buffer.from('hello'));
    writer.end(NO_FIELDS);
    output.endTurn();
    expect(output.writes).toEqual(['HEAD5\r\nhello\r\n0\r\n\r\n']);
    expect(writer.bytesWritten).toBe(output.text.length);
  });

  it('sends a small chunk at the end of the turn when nothing follows it, and no later', async () => {
    const { output, writer } = writing('HEAD', CHUNKED);
    writer.write(Buffer.from('event'));
    await null;
    expect(output.text).toBe('');
    await setImmediate();
    expect(output.text).toBe('HEAD5\r\nevent\r\n');
  });

  it('copies small content before it answers that it has taken it', async () => {
    const { output, writer } = writing('HEAD', CHUNKED);
    const scratch = Buffer.from('hello');
    expect(writer.write(scratch)).toBe(TAKEN);
    scratch.fill('!');
    await null;
    output.endTurn();
    expect(output.text).toBe('HEAD5\r\nhello\r\n');
  });

  it('lets go of the memory of a copy once the kernel has it, and not before', async () => {
    const { output, writer } = writing('HEAD', CHUNKED);
    writer.write(Buffer.alloc(10_000, 'a'));
    await null;
    output.capacity = 100;
    writer.write(Buffer.alloc(10_000, 'b'));
    await null;
    expect(output.buffers.map(({ length }) => length)).toEqual([0, 10_008]);
    output.drain();
    writer.end(NO_FIELDS);
    output.endTurn();
    expect(output.text).toBe(`HEAD2710\r\n${'a'.repeat(10_000)}\r\n2710\r\n${'b'.repeat(10_000)}\r\n0\r\n\r\n`);
  });

  it('keeps the order of small and large chunks, and of trailers', () => {
    const large = Buffer.alloc(17_000, 'L');
    const { output, writer } = writing('', CHUNKED);
    for (const piece of [Buffer.from('a'), Buffer.from('b'), large, Buffer.from('c')]) writer.write(piece);
    writer.end([{ name: 'X', value: '1' }]);
    output.endTurn();
    expect(output.text).toBe(`1\r\na\r\n1\r\nb\r\n4268\r\n${large}\r\n1\r\nc\r\n0\r\nX: 1\r\n\r\n`);
    expect(writer.bytesWritten).toBe(output.text.length);
  });

  it('writes nothing for a piece without octets: as a chunk it would be the last (RFC 9112 §7.1)', () => {
    const { output, writer } = writing('HEAD', CHUNKED);
    writer.write(Buffer.alloc(0));
    writer.write(Buffer.from('a'));
    writer.write(Buffer.alloc(0));
    writer.end(NO_FIELDS);
    output.endTurn();
    expect(output.text).toBe('HEAD1\r\na\r\n0\r\n\r\n');
  });

  it.each<[string, Framing | null]>([
    ['a length', 4],
    ['no content', null],
  ])('fails when more content comes than %s allows, and does not write it', (_, framing) => {
    const { output, writer, done } = writing('HEAD', framing);
    writer.write(Buffer.from('hello'));
    writer.write(Buffer.from('more'));
    writer.end(NO_FIELDS);
    output.endTurn();
    expect(output.text).toBe('HEAD');
    expect(done).toEqual([expect.objectContaining({ code: 'proxy_internal_error' })]);
  });

  it('fails when less content comes than the length says', () => {
    const { writer, done } = writing('HEAD', 6);
    writer.write(Buffer.from('hello'));
    writer.end(NO_FIELDS);
    expect(done).toEqual([expect.objectContaining({ code: 'http_response_incomplete' })]);
  });

  it('never writes a last chunk for content that broke off', () => {
    const { output, writer, done } = writing('HEAD', CHUNKED);
    writer.write(Buffer.from('hello'));
    const error = new ProxyError('http_response_incomplete', 'cut off');
    writer.fail(error);
    writer.end(NO_FIELDS);
    writer.fail(error);
    output.endTurn();
    expect(output.text).toBe('HEAD5\r\nhello\r\n');
    expect(done).toEqual([error]);
  });

  it('answers FULL while the output holds too much, KEPT while it holds some, TAKEN when it holds none', () => {
    const { output, writer } = writing('', UNTIL_CLOSE);
    writer.flush();
    output.endTurn();
    output.capacity = 0;
    output.highWaterMark = 10;
    expect(writer.write(Buffer.from('12345'))).toBe(KEPT);
    expect(writer.write(Buffer.from('67890'))).toBe(FULL);
    output.capacity = Number.POSITIVE_INFINITY;
    output.drain();
    expect(writer.write(Buffer.from('x'))).toBe(TAKEN);
  });
});

function writing(head: string, framing: Framing | null): { output: MemoryOutput; writer: MessageWriter; done: (ProxyError | null)[] } {
  const output = new MemoryOutput();
  const done: (ProxyError | null)[] = [];
  return { output, done, writer: new MessageWriter(output, head, framing, (error) => done.push(error)) };
}
