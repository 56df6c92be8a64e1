// Node shows requests of HTTP/2 as it shows those of HTTP/1.1, all but alike: what is written for one serves both with this.
import type { RequestListener } from 'node:http';
import type { Http2ServerRequest, Http2ServerResponse } from 'node:http2';

/** For `startDualOrigin`. There `setHeader` returns nothing, and a reason phrase has no place in HTTP/2. */
export function inBothVersions(respond: RequestListener): (request: Http2ServerRequest, response: Http2ServerResponse) => void {
  return (request, response) => {
    const setHeader = response.setHeader.bind(response);
    Reflect.set(response, 'setHeader', (name: string, value: string) => {
      setHeader(name, value);
      return response;
    });
    (respond as unknown as (request: Http2ServerRequest, response: Http2ServerResponse) => void)(request, response);
  };
}
