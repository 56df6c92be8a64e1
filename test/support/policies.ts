// What tests of a policy say again and again: the file, and one request with its answer.
import { onTestFinished } from 'vitest';
import { connectRaw, type Destination, type FinalResponse } from './raw-client.ts';
import { temporaryFile } from './temp-files.ts';

/** A file `policy.yaml`, removed when the test has finished. @param text everything but the version */
export function policyOf(text: string): string {
  return temporaryFile(onTestFinished, 'policy.yaml', `version: 1\n${text}`);
}

/** One request on a connection of its own. @param fields lines, each with its line end */
export async function ask(proxy: Destination, startLine: string, fields = ''): Promise<FinalResponse> {
  using client = await connectRaw(proxy);
  await client.send(`${startLine} HTTP/1.1\r\nHost: x\r\n${fields}\r\n`);
  return await client.readResponse(startLine.slice(0, startLine.indexOf(' ')));
}

/** A hosts file in which every name is 127.0.0.1. */
export function hostsOf(...names: readonly string[]): string {
  return temporaryFile(onTestFinished, 'hosts', `127.0.0.1 ${names.join(' ')}\n`);
}
