import { expect, test } from 'vitest';
import { parseAllowedCores, parseListeningInodes, parsePssKiB, parseReadOctets, parseStat } from '../../bench/proc-files.ts';

test.each(['node', 'a b', 'x) S 1 (y'])('reads the times of a process named %j', (name) => {
  const text = `4711 (${name}) S 42 4711 4711 0 -1 4194560 1 2 3 4 250 30 7 1 20 0 11 0 12345 1000 200 18446744073709551615`;
  expect(parseStat(text)).toEqual({ parent: 42, cpuMicroseconds: 2_880_000 });
});

test('reads the proportional set size, not the parts that begin alike', () => {
  const text = 'Rss:   90000 kB\nPss:   81234 kB\nPss_Dirty:   70000 kB\nSwapPss:   5 kB\n';
  expect(parsePssKiB(text)).toBe(81_234);
});

test('a process without memory has no size', () => {
  expect(parsePssKiB('')).toBeNull();
});

test('counts what was read from anywhere, not only from the disk', () => {
  expect(parseReadOctets('rchar: 323934931\nwchar: 323929600\nsyscr: 632687\nread_bytes: 7\n')).toBe(323_934_931);
  expect(parseReadOctets('')).toBe(0);
});

test('finds the sockets that listen on a port, and not the connections of it', () => {
  const head = '  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode';
  const rows = [
    '   0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 1111 1 0 100 0 0 10 0',
    '   1: 0100007F:1F90 0100007F:C001 01 00000000:00000000 00:00000000 00000000     0        0 2222 1 0 20 4 30 10 -1',
    '   2: 00000000:01BB 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 3333 1 0 100 0 0 10 0',
  ];
  const text = `${[head, ...rows].join('\n')}\n`;
  expect(parseListeningInodes(text, 8080)).toEqual(['1111']);
  expect(parseListeningInodes(text, 443)).toEqual(['3333']);
  expect(parseListeningInodes(text, 80)).toEqual([]);
});

test.each([
  ['0-1', [0, 1]],
  ['0-2,5,8-9', [0, 1, 2, 5, 8, 9]],
  ['3', [3]],
])('reads the allowed cores %s', (list, cores) => {
  expect(parseAllowedCores(`Cpus_allowed:\tff\nCpus_allowed_list:\t${list}\nMems_allowed_list:\t0\n`)).toEqual(cores);
});

test('without a list no core is known', () => {
  expect(parseAllowedCores('')).toEqual([]);
});
