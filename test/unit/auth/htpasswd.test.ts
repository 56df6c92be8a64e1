import { expect, test } from 'vitest';
import { parseGroups, parseHtpasswd } from '../../../src/auth/htpasswd.ts';
import { StartError } from '../../../src/errors/start-error.ts';

const HASH = '$2y$05$tevFy2fM5YwAK6ysXcu3s.v.hJKrIqosN.K602Ytd6vk0n6qhN1/W';

function problemsOf(parse: () => unknown): readonly string[] {
  try {
    parse();
  } catch (error) {
    if (error instanceof StartError) return error.problems;
    throw error;
  }
  return [];
}

test('reads users, comments, empty lines, Windows line ends and what follows a second colon', () => {
  const users = parseHtpasswd(`# users\r\nalice:${HASH}\r\n\r\nBob Smith:${HASH}:office\n__proto__:${HASH}`, 'users');
  expect([...users.keys()]).toEqual(['alice', 'Bob Smith', '__proto__']);
});

test('every problem is told at once with its line and the command that mends it, and no hash is', () => {
  const text = `alice:hunter2\nbob\n:${HASH}\ncarol:${HASH}\ncarol:${HASH}\ndave x:$apr1$czU.tXOk$vYeuHNj/N/4ooh6rX2GCO0\nu\u0001:${HASH}\n`;
  expect(problemsOf(() => parseHtpasswd(text, '/etc/users'))).toEqual([
    '/etc/users:1: the password of "alice" is in a form that is not known here, or in plain text. Make a new one: htpasswd -B /etc/users alice',
    '/etc/users:2: expected "user:hash"',
    '/etc/users:3: expected "user:hash"',
    '/etc/users:5: "carol" has a line already; remove one of them',
    '/etc/users:6: the password of "dave x" is an MD5 hash, which is guessed too fast. Make a new one: htpasswd -B /etc/users USER',
    '/etc/users:7: a user name has at most 255 characters, and no control characters',
  ]);
});

test('a file of another kind is told of in 21 lines', () => {
  const problems = problemsOf(() => parseHtpasswd('x\n'.repeat(100), 'users'));
  expect(problems).toHaveLength(21);
  expect(problems[20]).toBe('users: 80 more problems like these');
});

test('groups are gathered for each user over all lines', () => {
  const groups = parseGroups('# groups\nadmins: alice  bob\nstaff:bob\tcarol alice\nadmins: alice dave\nempty:\n', 'groups');
  expect([...groups]).toEqual([
    ['alice', ['admins', 'staff']],
    ['bob', ['admins', 'staff']],
    ['carol', ['staff']],
    ['dave', ['admins']],
  ]);
});

test('a line without a group is a problem', () => {
  expect(problemsOf(() => parseGroups('alice bob\n: alice\n', 'groups'))).toEqual([
    'groups:1: expected "group: user user"',
    'groups:2: expected "group: user user"',
  ]);
});
