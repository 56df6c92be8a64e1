// Owns the module that uncompresses responses for handlers that look at their content: origins are asked for gzip or nothing, and what comes so is
// uncompressed before it is handed out.
import { createGunzip } from 'node:zlib';
import type { RequestModule } from './handlers.ts';
import type { RequestContext } from './request-context.ts';

export const gunzip: RequestModule<RequestContext> = {
  onRequest(ctx, done) {
    ctx.proxyToServerRequestOptions.headers['accept-encoding'] = 'gzip';
    done();
  },

  onResponse(ctx, done) {
    const headers = ctx.serverToProxyResponse?.headers;
    if (headers?.['content-encoding']?.toLowerCase() === 'gzip') {
      delete headers['content-encoding'];
      ctx.addResponseFilter(createGunzip());
    }
    done();
  },
};
