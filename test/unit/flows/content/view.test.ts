// What content looks like, kind by kind.
import { gzipSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import type { ContentView } from '../../../../src/flows/content/content-view.ts';
import { viewContent } from '../../../../src/flows/content/view.ts';

async function view(
  content: string | Buffer,
  type: string | null,
  as: ContentView['kind'] | null = null,
  isCut = false,
): Promise<ContentView> {
  const fields: [string, string][] = type === null ? [] : [['Content-Type', type]];
  return await viewContent({ octets: Buffer.from(content as string), isCut, fields }, as);
}

describe('JSON', () => {
  test.each<[string, string]>([
    ['{"a":1,"b":[1,2,{}],"c":[]}', '{\n  "a": 1,\n  "b": [\n    1,\n    2,\n    {}\n  ],\n  "c": []\n}'],
    ['12345678901234567890.10', '12345678901234567890.10'],
    ['{"a":"x\\"{,:"}', '{\n  "a": "x\\"{,:"\n}'],
    ['{"a":1}\n{"a":2}\n', '{\n  "a": 1\n}\n{\n  "a": 2\n}'],
    ['"lone"', '"lone"'],
  ])('%s', async (content, text) => {
    expect(await view(content, 'application/json')).toMatchObject({ kind: 'json', text, problem: null });
  });

  test('that is malformed is laid out, and says so', async () => {
    expect(await view('{"a":1,]', 'application/json')).toMatchObject({
      text: '{\n  "a": 1,\n  \n]',
      problem: expect.stringContaining('It is no JSON'),
    });
  });

  test('whose end is missing is no mistake', async () => {
    expect(await view('{"a":[1,"x', 'application/json', null, true)).toMatchObject({ problem: null, decoded: { isCut: true } });
  });

  test('nested deeper than anybody looks stays small', async () => {
    const { text } = await view('['.repeat(100_000), 'application/json');
    expect(text!.length).toBeLessThanOrEqual(4 * 2 ** 20 + 2 ** 19);
  });
});

describe('markup', () => {
  test('HTML: one line a block, words in one line, script as it is', async () => {
    const html =
      '<!DOCTYPE html><html><body><h1>A <b>b</b>\n c</h1><br><div><p title="1>0">x</p></div><script>if (a<b) {\n}</script></body></html>';
    expect((await view(html, 'text/html; charset=utf-8')).text).toBe(
      [
        '<!DOCTYPE html>',
        '<html>',
        '  <body>',
        '    <h1>A <b>b</b> c</h1>',
        '    <br>',
        '    <div>',
        '      <p title="1>0">x</p>',
        '    </div>',
        '    <script>if (a<b) {',
        '}</script>',
        '  </body>',
        '</html>',
      ].join('\n'),
    );
  });

  test('XML: declaration, empty elements, text, CDATA', async () => {
    const xml = '<?xml version="1.0"?><a><b x="1"/><c>text</c><d><![CDATA[<e>]]></d></a>';
    expect(await view(xml, 'application/atom+xml')).toMatchObject({
      kind: 'xml',
      text: '<?xml version="1.0"?>\n<a>\n  <b x="1"/>\n  <c>text</c>\n  <d><![CDATA[<e>]]></d>\n</a>',
    });
  });
});

describe('scripts', () => {
  test('minified ones get lines, but not within strings, parentheses, templates or regular expressions', async () => {
    const script = `function f(a){for(var i=0;i<a;i++){g("x;{",/[/;]{1}/.test(a)?1/2:\`;\${i}\`);}return/;/.exec(a);}${'f(1);'.repeat(60)}`;
    const { text } = await view(script, 'text/javascript');
    expect(text).toContain('function f(a){\n  for(var i=0;i<a;i++){\n    g("x;{",/[/;]{1}/.test(a)?1/2:`;$');
    expect(text).toContain('{i}`);\n  }\n  return/;/.exec(a);\n}\nf(1);\nf(1);');
  });

  test('CSS', async () => {
    const { text } = await view(`a{color:red;background:url(data:x;y)}@media x{b{c:d}}${'i{j:k}'.repeat(50)}`, 'text/css');
    expect(text).toContain('a{\n  color:red;\n  background:url(data:x;y)\n}\n@media x{\n  b{\n    c:d\n  }\n}\ni{\n  j:k\n}');
  });

  test('what somebody wrote in lines stays as it is, and so does what is not even', async () => {
    expect((await view('a {\n b: c;}\n', 'text/css')).text).toBe('a {\n b: c;}\n');
    expect((await view(`}${'x;'.repeat(200)}`, 'text/javascript')).text).toBe(`}${'x;'.repeat(200)}`);
  });
});

describe('images', () => {
  const png = Buffer.concat([Buffer.from('\x89PNG\r\n\x1a\n\0\0\0\rIHDR', 'latin1'), Buffer.from([0, 0, 1, 0, 0, 0, 0, 2, 8, 6, 0, 0, 0])]);
  const gif = Buffer.from('GIF89a\x0a\0\x14\0rest', 'latin1');
  const jpeg = Buffer.from([0xff, 0xd8, 0xff, 0xe0, 0, 4, 0, 0, 0xff, 0xc0, 0, 11, 8, 0, 7, 0, 9, 1, 1, 1, 1, 0]);
  const webp = Buffer.concat([Buffer.from('RIFF\0\0\0\0WEBPVP8X\x0a\0\0\0\0\0\0\0', 'latin1'), Buffer.from([1, 0, 0, 2, 0, 0, 0, 0])]);
  test.each<[string, Buffer, number, number]>([
    ['image/png', png, 256, 2],
    ['image/gif', gif, 10, 20],
    ['image/jpeg', jpeg, 9, 7],
    ['image/webp', webp, 2, 3],
  ])('%s by its octets, whatever it says it is', async (type, octets, width, height) => {
    for (const said of [type, 'application/octet-stream', 'image/jpeg', null]) {
      expect(await view(octets, said)).toMatchObject({ kind: 'image', image: { type, width, height, base64: octets.toString('base64') } });
    }
  });

  test('what only says that it is one is shown as what it is', async () => {
    expect(await view('<p>Not found</p>', 'image/png')).toMatchObject({ kind: 'text' });
  });

  test.each(['image/svg+xml', 'application/octet-stream', null])('SVG is a text to be read, said to be %s', async (type) => {
    const svg = await view('<svg xmlns="http://www.w3.org/2000/svg"><g><circle r="1"/></g></svg>', type);
    expect(svg).toMatchObject({ kind: 'xml', problem: null });
    expect(svg.text?.split('\n').map((line) => line.trim())).toEqual([
      '<svg xmlns="http://www.w3.org/2000/svg">',
      '<g>',
      '<circle r="1"/>',
      '</g>',
      '</svg>',
    ]);
  });
});

describe('forms', () => {
  test('URL-encoded', async () => {
    expect((await view('a=1&b=x+y%20%C3%A9&a=', 'application/x-www-form-urlencoded')).rows).toEqual([
      ['a', '1'],
      ['b', 'x y é'],
      ['a', ''],
    ]);
  });

  test('in parts, each by what it is', async () => {
    const form =
      '--b\r\nContent-Disposition: form-data; name="j"\r\nContent-Type: application/json\r\n\r\n{"a":1}\r\n' +
      '--b\r\nContent-Disposition: form-data; name="f"; filename="ü.txt"\r\n\r\nhello\r\n--b\r\n\r\nbare\r\n--b--\r\nepilogue';
    const { kind, parts } = await view(form, 'multipart/form-data; boundary="b"');
    expect(kind).toBe('multipart');
    expect(parts!.map(({ title, kind: each, text }) => [title, each, text])).toEqual([
      ['field j', 'json', '{\n  "a": 1\n}'],
      ['file ü.txt', 'text', 'hello'],
      ['part 3', 'text', 'bare'],
    ]);
  });
});

describe('protocol buffers and gRPC', () => {
  // 1: 150, 2: "testing", 3: {1: -1}, 4: 1.5 (double), 5: 0.5 (float), 6: three octets
  const message = Buffer.from('089601120774657374696e671a0b08ffffffffffffffffff0121000000000000f83f2d0000003f3203ff0001', 'hex');
  const frame = (flags: number, octets: Buffer): Buffer => {
    const head = Buffer.alloc(5);
    head[0] = flags;
    head.writeUInt32BE(octets.length, 1);
    return Buffer.concat([head, octets]);
  };
  const tree = [
    { name: '1', value: '150', note: 'varint, as sint 75' },
    { name: '2', value: '"testing"', note: 'text' },
    { name: '3', note: 'message of 11 octets', children: [{ name: '1', value: '-1', note: 'varint, unsigned 18446744073709551615' }] },
    { name: '4', value: '1.5', note: '64 bits, as integer 4609434218613702656' },
    { name: '5', value: '0.5', note: '32 bits, as integer 1056964608' },
    { name: '6', value: 'ff0001', note: '3 octets' },
  ];

  test('a message without its schema', async () => {
    expect(await view(message, 'application/x-protobuf')).toMatchObject({ kind: 'protobuf', tree, problem: null });
  });

  test('messages of gRPC, compressed ones too', async () => {
    const octets = Buffer.concat([frame(0, message), frame(1, gzipSync(message))]);
    const fields = [
      ['content-type', 'application/grpc+proto'],
      ['grpc-encoding', 'gzip'],
    ] as const;
    const { parts } = await viewContent({ octets, isCut: false, fields });
    expect(parts).toMatchObject([
      { title: 'message 1', kind: 'protobuf', tree, decoded: { codings: [] } },
      { title: 'message 2', kind: 'protobuf', tree, decoded: { codings: ['gzip'] } },
    ]);
  });

  test('gRPC-Web, as text in pieces, with its trailers', async () => {
    const pieces = [frame(0, message), frame(0x80, Buffer.from('grpc-status: 0\r\n'))].map((piece) => piece.toString('base64')).join('');
    const { parts } = await view(pieces, 'application/grpc-web-text+proto');
    expect(parts).toMatchObject([{ tree }, { title: 'trailers', kind: 'text', text: 'grpc-status: 0\r\n' }]);
  });

  test('what is none is shown as octets', async () => {
    expect(await view(Buffer.from([7, 0xff]), 'application/protobuf')).toMatchObject({
      problem: 'It is no message of protocol buffers.',
      text: expect.stringContaining('07 ff'),
    });
  });
});

test('GraphQL in JSON: its document in lines, its variables apart', async () => {
  const request = JSON.stringify({
    operationName: 'Q',
    query: 'query Q($id: ID!) { user(id: $id, at: {x: 1}) { name, ...F } } fragment F on U { id }',
    variables: { id: 1 },
  });
  expect(await view(request, 'application/json')).toMatchObject({
    kind: 'graphql',
    parts: [
      { title: 'Q', text: 'query Q($id: ID!) {\n  user(id: $id, at: {x: 1}) {\n    name\n    ...F\n  }\n}\nfragment F on U {\n  id\n}' },
      { title: 'variables', text: '{\n  "id": 1\n}' },
    ],
  });
  expect((await view('{"query":"shoes"}', 'application/json')).kind).toBe('json');
});

test('a JSON Web Token: what it says, not whether that is true', async () => {
  const part = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url');
  const token = `${part({ alg: 'none' })}.${part({ sub: 'a', exp: 1_760_000_000 })}.`;
  expect(await view(token, 'application/jwt')).toMatchObject({
    kind: 'jwt',
    rows: [
      ['expires', '2025-10-09T08:53:20.000Z'],
      ['signature', 'not verified'],
    ],
    text: expect.stringContaining('"sub": "a"'),
  });
  expect((await view(token, 'text/plain')).kind).toBe('jwt');
});

test('server-sent events, one row each', async () => {
  const stream = ': hello\n\nevent: add\nid: 7\ndata: 1\ndata: 2\n\ndata: x\r\n\r\ndata: half';
  expect((await view(stream, 'text/event-stream')).rows).toEqual([
    ['add #7', '1\n2'],
    ['message', 'x'],
    ['message (unfinished)', 'half'],
  ]);
});

test('CBOR and MessagePack as trees', async () => {
  // {"a": [1, -2, h'ff', 1.5], "b": 1(true)}
  const cbor = await view(Buffer.from('a2616184012141fff93e006162c1f5', 'hex'), 'application/cbor');
  expect(cbor).toMatchObject({
    kind: 'cbor',
    problem: null,
    tree: [
      { name: 'a', children: [{ value: '1' }, { value: '-2' }, { value: 'ff' }, { value: '1.5' }] },
      { name: 'b', note: 'tag 1', children: [{ value: 'true' }] },
    ],
  });
  // {"a": [1, -1, nil, 1.5f, bin ff], "b": "x"}
  const msgpack = await view(Buffer.from('82a1619501ffc0ca3fc00000c401ffa162a178', 'hex'), 'application/msgpack');
  expect(msgpack).toMatchObject({
    kind: 'msgpack',
    problem: null,
    tree: [
      { name: 'a', children: [{ value: '1' }, { value: '-1' }, { value: 'null' }, { value: '1.5' }, { value: 'ff' }] },
      { name: 'b', value: '"x"' },
    ],
  });
});

describe('characters', () => {
  test.each<[string, Buffer, string, string]>([
    ['by the media type', Buffer.from([0xe9]), 'text/plain; charset=iso-8859-1', 'windows-1252'],
    ['by the media type, quoted', Buffer.from([0xc3, 0xa9]), 'text/plain;charset="utf-8"', 'utf-8'],
    ['by a byte order mark', Buffer.from('\ufeffé', 'utf16le'), 'text/plain; charset=utf-8', 'utf-16le'],
    ['by guess: UTF-8', Buffer.from('é'), 'text/plain', 'utf-8'],
    ['by guess: windows-1252', Buffer.from([0xe9]), 'text/plain', 'windows-1252'],
  ])('%s', async (_, octets, type, charset) => {
    expect(await view(octets, type)).toMatchObject({ text: 'é', decoded: { charset } });
  });

  test('by the document itself', async () => {
    const html = Buffer.concat([Buffer.from('<meta charset="windows-1251"><p>'), Buffer.from([0xe9])]);
    expect((await view(html, 'text/html')).text).toContain('й');
  });

  test('of no charset that anybody knows are guessed, and that is said', async () => {
    expect(await view('é', 'text/plain; charset=klingon')).toMatchObject({ text: 'é', problem: 'Nothing here knows the charset klingon.' });
  });
});

test('everything else is octets, and anything can be looked at as octets', async () => {
  const hex = await view(Buffer.from(Array.from({ length: 20 }, (_, i) => i)), 'application/octet-stream');
  expect(hex).toMatchObject({
    kind: 'hex',
    text:
      '00000000  00 01 02 03 04 05 06 07  08 09 0a 0b 0c 0d 0e 0f  ................\n' +
      `00000010  10 11 12 13${' '.repeat(12)}${' '.repeat(2)}${' '.repeat(23)}  ....`,
  });
  expect(await view('{}', 'application/json', 'hex')).toMatchObject({ kind: 'hex', alternatives: expect.arrayContaining(['json']) });
});

test('a mask is put on before anybody sees the content', async () => {
  const octets = gzipSync('{"password":"x"}');
  const fields = [
    ['Content-Type', 'application/json'],
    ['Content-Encoding', 'gzip'],
  ] as const;
  const masked = await viewContent({ octets, isCut: false, fields }, null, undefined, () => Buffer.from('{}'));
  expect(masked).toMatchObject({ text: '{}', decoded: { codings: ['gzip'] } });
});

test('content that can not be unpacked is shown as it came, and where secrets are masked not at all', async () => {
  const fields = [
    ['Content-Type', 'application/json'],
    ['Content-Encoding', 'dcz'],
  ] as const;
  expect(await viewContent({ octets: Buffer.from('{}'), isCut: false, fields })).toMatchObject({
    kind: 'hex',
    problem: 'Nothing here decodes dcz.',
  });
  const withheld = await viewContent({ octets: Buffer.from('{}'), isCut: false, fields }, null, undefined, (octets) => octets);
  expect(withheld).toMatchObject({ kind: 'hex', text: '', problem: expect.stringContaining('There may be secrets in it') });
});

test('of very many parts the first are shown, as many as can be', async () => {
  const part = Buffer.concat([Buffer.from('--b\r\nContent-Type: text/html\r\n\r\n'), Buffer.alloc(20_000, '<p>'), Buffer.from('\r\n')]);
  const octets = Buffer.concat(Array.from({ length: 200 }, () => part));
  const view = await viewContent({ octets, isCut: false, fields: [['Content-Type', 'multipart/mixed; boundary=b']] });
  expect(view.parts!.length).toBeLessThan(200);
  expect(view.problem).toBe(`Only the first ${view.parts!.length} of its parts are shown.`);
  expect(JSON.stringify(view).length).toBeLessThan(12 * 2 ** 20);
});

test.each<[string, string]>([
  ['[', 'application/json'],
  ['{"a":', 'application/json'],
  ['"" ', 'application/json'],
  ['<p>', 'text/html'],
  ['<', 'text/html'],
  ['</pre ', 'text/html'],
  ['{a;}', 'text/javascript'],
  ['return/', 'text/javascript'],
  ['`${', 'text/javascript'],
  ['a{b:c}', 'text/css'],
  ['a=%7B&', 'application/x-www-form-urlencoded'],
  ['--x\r\n', 'multipart/form-data; boundary=x'],
  ['data:x\n\n', 'text/event-stream'],
  ['\x08\x01', 'application/protobuf'],
  ['\x0a\x7f', 'application/protobuf'],
  ['\x9f', 'application/cbor'],
  ['\xdd\xff\xff\xff\xff', 'application/msgpack'],
  ['{a}', 'application/graphql'],
])('a MiB of nothing but %j as %s is shown within bounds of time and length', async (piece, type) => {
  const octets = Buffer.alloc(2 ** 20, piece, 'latin1');
  const before = process.threadCpuUsage();
  const view = await viewContent({ octets, isCut: false, fields: [['Content-Type', type]] });
  const { user, system } = process.threadCpuUsage(before);
  expect((user + system) / 1_000).toBeLessThan(2_500);
  expect(JSON.stringify(view).length).toBeLessThan(12 * 2 ** 20);
});
