// Owns reading the whole of a body, as a sink that always has room.
import { type Body, TAKEN } from '../../src/http/message.ts';

/** @throws what the body fails with */
export function read(body: Body): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const parts: Buffer[] = [];
    body.start({
      write: (bytes) => {
        parts.push(Buffer.from(bytes));
        return TAKEN;
      },
      end: () => resolve(Buffer.concat(parts)),
      fail: reject,
    });
  });
}
