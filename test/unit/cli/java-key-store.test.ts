import { createHash } from 'node:crypto';
import { expect, test } from 'vitest';
import { JAVA_PASSWORD, javaKeyStore } from '../../../src/cli/java-key-store.ts';

test('holds each certificate as a trusted one, and ends with a digest over the password and all of it', () => {
  const certificates = [Buffer.from('first'), Buffer.from('the second')];
  const store = javaKeyStore(certificates, 1_700_000_000_000);
  const content = store.subarray(0, -20);
  const password = Buffer.concat([...JAVA_PASSWORD].map((c) => Buffer.from([0, c.charCodeAt(0)])));
  expect(store.subarray(-20)).toEqual(createHash('sha1').update(password).update('Mighty Aphrodite').update(content).digest());
  expect([content.readUInt32BE(0), content.readUInt32BE(4), content.readUInt32BE(8)]).toEqual([0xfeedfeed, 2, 2]);
  expect(entries(content)).toEqual([
    { tag: 2, alias: 'root-1', createdMs: 1_700_000_000_000n, type: 'X.509', certificate: 'first' },
    { tag: 2, alias: 'root-2', createdMs: 1_700_000_000_000n, type: 'X.509', certificate: 'the second' },
  ]);
});

function entries(content: Buffer): object[] {
  const read: object[] = [];
  let at = 12;
  const text = (): string => {
    const length = content.readUInt16BE(at);
    at += 2 + length;
    return content.toString('latin1', at - length, at);
  };
  while (at < content.length) {
    const tag = content.readUInt32BE(at);
    at += 4;
    const alias = text();
    const createdMs = content.readBigInt64BE(at);
    at += 8;
    const type = text();
    const length = content.readUInt32BE(at);
    at += 4 + length;
    read.push({ tag, alias, createdMs, type, certificate: content.toString('latin1', at - length, at) });
  }
  return read;
}
