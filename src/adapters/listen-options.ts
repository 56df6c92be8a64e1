// Owns the options of `listen`. Nothing of the proxy's own is named here: what a program in TypeScript reads of this interface needs no types but Node's.
import type http from 'node:http';
import type https from 'node:https';

export interface ListenOptions {
  /** 0 takes any that is free; left out it is 8080. */
  port?: number | undefined;
  /** Left out it is `localhost`. */
  host?: string | undefined;
  /** Folder of the CA; left out it is `.http-mitm-proxy` in the working directory. */
  sslCaDir?: string | undefined;
  /** Milliseconds of silence after which a client's connection is closed. */
  timeout?: number | undefined;
  /** Leaves out the length of requests, so that they are sent in chunks. */
  forceChunkedRequest?: boolean | undefined;
  /** These have nothing to say here: connections are always kept, and there is one listener for all hosts. */
  keepAlive?: boolean | undefined;
  forceSNI?: boolean | undefined;
  httpsPort?: number | undefined;
  /** Taken only if they are Node's own, which say nothing about where a request goes. */
  httpAgent?: http.Agent | undefined;
  httpsAgent?: https.Agent | undefined;
  /** Not of http-mitm-proxy: path of a policy, in place of the one that allows and opens everything. */
  policy?: string | undefined;
  /** Not of http-mitm-proxy: a PEM file of roots that are trusted besides the system's. */
  roots?: string | undefined;
  /** Not of http-mitm-proxy: the proxy behind this one, `http://user:password@host:port`. */
  parent?: string | undefined;
}
