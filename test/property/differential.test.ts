// Every message of the kept corpus is read by our reader and by Node's own parser. Where the two differ, the table says who is right and by which
// sentence; a difference without a row fails, and so does a row without a difference. What both accept has to be the same in every octet.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { NodeRequests, NodeResponses } from '../support/node-parser.ts';
import { octets } from '../support/transcript.ts';
import { CORPUS, type KeptMessage } from './corpus/messages.ts';
import { ourOpinion } from './opinions.ts';

/** We refuse what Node accepts. */
const STRICTER: Readonly<Record<string, string>> = {
  'request: gzip, chunked': 'Both may be right: §6.1 lets a server answer 501 to a coding it does not understand, and we decode none.',
  'request: a coding with a comma in front':
    'We: a recipient may skip empty members (RFC 9110 §5.6.1.2), but peers are known not to, and §11.2 asks not to guess.',
  'request: chunks in HTTP/1.0': 'We: "MUST treat the message as if the framing is faulty" (§6.1).',
  'request: a bare CR before the request line': 'We: "A recipient of such a bare CR MUST consider that element to be invalid" (§2.2).',
  'request: a bare LF before the request line': 'Both: a recipient MAY take a single LF for a line end (§2.2); we never do.',
  'request: three empty lines before the request line': 'Both: "at least one empty line" SHOULD be ignored (§2.2); we ignore two.',
  'request: two blanks before the target': 'Both: a server MAY split at any whitespace (§3); the grammar has one SP.',
  'request: two blanks before the version': 'Both: a server MAY split at any whitespace (§3); the grammar has one SP.',
  'request: HTTP/0.9': 'We: the request line of §3 ends with a version; HTTP/0.9 is no longer part of HTTP (RFC 9112 appendix C.1).',
  'request: HTTP/0.9 by name': 'We: 505 for a major version that is not served (RFC 9110 §15.6.6).',
  'request: HTTP/2.0': 'We: 505 for a major version that is not served (RFC 9110 §15.6.6).',
  'request: another protocol': 'We: HTTP-name is "HTTP", case-sensitive (§2.3).',
  'request: CONNECT with content':
    'We: content of CONNECT has no meaning (RFC 9110 §9.3.6); taken for the tunnel by one and not by the next, it smuggles.',
  'request: CONNECT with chunks': 'We: as with a length.',
  'request: a chunk size with many zeros in front': 'Both: §7.1 asks to guard against large sizes; we read 13 digits.',
  'request: an extension with quotes':
    'Node reads what the grammar allows (§7.1.1); we refuse quotes, since some readers look for line ends in them.',
  'request: an extension without end':
    'We: a server "ought to limit the total length of chunk extensions" (§7.1.1); at 256 octets a chunk.',
  'response: a coding nobody asked for':
    'We: Node passes content on with gzip still in it; without TE no coding but chunked is to come (§7.4).',
  'response: gzip alone':
    'We: Node is right that it runs to the close (§6.3 rule 4), but the content is still coded, and the field that says so ends here.',
  'response: chunked, then gzip': 'We: as with gzip alone.',
  'response: chunked twice': 'We: "A sender MUST NOT apply the chunked transfer coding more than once" (§6.1).',
  'response: chunks in HTTP/1.0': 'We: "MUST treat the message as if the framing is faulty" (§6.1).',
  'response: HTTP/2.0': 'We: another major version is another protocol (RFC 9110 §2.5).',
  'response: an empty line before the status line': 'We: the leave to skip an empty line is given for requests alone (§2.2).',
  'response: a status below 100': 'We: status codes begin at 100 (RFC 9110 §15).',
  'response: a control character in the reason': 'We: a reason phrase is HTAB, SP, VCHAR and obs-text (§4).',
};

/** We accept what Node refuses; none of these changes where a message ends. */
const LAXER: Readonly<Record<string, string>> = {
  'request: a method nobody registered': 'We: a method is any token (RFC 9110 §9.1); Node knows a list.',
  'request: a method in lower case':
    'We: a method is any token and case-sensitive (RFC 9110 §9.1); policy then sees "get", which is not GET.',
  'response: a length sent twice and the same':
    'Both: a recipient may replace the same value, repeated, by one (RFC 9110 §8.6); we send one.',
  'response: an answer nobody asked for, and no HTTP':
    'The same: the answer is read, and the octets behind it are left. Our connection is closed for them (`isBetweenMessages`), Node reports them.',
};

const requests = new NodeRequests();
const responses = new NodeResponses();
beforeAll(async () => {
  await requests.listen();
  await responses.listen();
});
afterAll(() => {
  requests.close();
  responses.close();
});

describe.each(CORPUS.map((message) => [message.name, message] as const))('%s', (name, message) => {
  it('is read as Node reads it, or the difference is explained', async () => {
    const ours = ourOpinion(message);
    const nodes = await nodesOpinion(message);
    if (ours.error === null && nodes.error === null) expect(ours.messages).toEqual(nodes.messages);
    const shared = Math.min(ours.messages.length, nodes.messages.length);
    expect(ours.messages.slice(0, shared)).toEqual(nodes.messages.slice(0, shared));

    const difference = (ours.error === null) === (nodes.error === null) ? 'none' : ours.error === null ? 'laxer' : 'stricter';
    const expected = name in STRICTER ? 'stricter' : name in LAXER ? 'laxer' : 'none';
    expect(difference, `ours: ${ours.error}; Node: ${nodes.error}`).toBe(expected);
  });
});

it('the table names only messages of the corpus', () => {
  const names = new Set(CORPUS.map(({ name }) => name));
  expect([...Object.keys(STRICTER), ...Object.keys(LAXER)].filter((name) => !names.has(name))).toEqual([]);
});

function nodesOpinion({ role, bytes, answers }: KeptMessage): ReturnType<NodeRequests['read']> {
  return role === 'request' ? requests.read(octets(bytes)) : responses.read(octets(bytes), answers?.[0] ?? 'GET');
}
