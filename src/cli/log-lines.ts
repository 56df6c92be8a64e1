// Owns going through a log of any size line by line, in the memory of one line.
import { createReadStream } from 'node:fs';
import path from 'node:path';
import { cannotRead } from '../errors/start-error.ts';

/**
 * The lines of a file without their ends; `-` is standard input. A line that is longer than any of ours comes out empty.
 *
 * @throws StartError when the file cannot be read
 */
export async function* logLines(file: string, workingDirectory: string): AsyncGenerator<string> {
  const source = file === '-' ? process.stdin : createReadStream(path.resolve(workingDirectory, file), { highWaterMark: CHUNK_BYTES });
  let rest: Buffer[] = [];
  let restBytes = 0;
  try {
    for await (const chunk of source as AsyncIterable<Buffer>) {
      let start = 0;
      for (let end = chunk.indexOf(LF); end !== -1; end = chunk.indexOf(LF, start)) {
        const piece = chunk.subarray(start, end);
        const line = restBytes === 0 ? piece : Buffer.concat([...rest, piece]);
        yield restBytes + piece.length > LONGEST_BYTES ? '' : line.toString('utf8');
        rest = [];
        restBytes = 0;
        start = end + 1;
      }
      restBytes += chunk.length - start;
      // What is too long anyway need not be kept.
      if (restBytes > LONGEST_BYTES) rest = [];
      else if (start < chunk.length) rest.push(chunk.subarray(start));
    }
  } catch (cause) {
    throw cannotRead('the access log', file, cause);
  }
  if (restBytes > 0) yield restBytes > LONGEST_BYTES ? '' : Buffer.concat(rest).toString('utf8');
}

const CHUNK_BYTES = 1024 * 1024;
/** Some ten times what the longest target makes. */
const LONGEST_BYTES = 1024 * 1024;
const LF = 0x0a;
