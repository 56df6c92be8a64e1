// Owns the one end of content that is neither complete nor broken off for certain: a reset with NO_ERROR where END_STREAM should stand. RFC 9113 §8.1
// knows such a reset behind the end alone. Servers send it behind content that is whole, and proxies before them behind content that is not, so nobody
// on the way can tell: whoever speaks HTTP/2 gets the same end and judges it as it would have judged the origin's, and for everybody else, stores
// included, the content broke off.
import { ProxyError } from '../errors/proxy-error.ts';

export class EndedByReset extends ProxyError {
  /** @param name whose answer it was, for messages */
  constructor(name: string) {
    super('http_response_incomplete', `${name} reset the stream of its answer without an error (NO_ERROR) and without an end.`);
  }
}
