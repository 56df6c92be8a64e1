// gRPC through a tunnel that the proxy opens, with the client and the server that people use: calls of all four kinds, at the pace of their messages,
// their deadlines and cancellations, and the status that comes in trailers (gRPC over HTTP/2; RFC 9113 §8.1).

import { randomBytes } from 'node:crypto';
import { type EventEmitter, once } from 'node:events';
import { readFileSync } from 'node:fs';
import type {
  ServerDuplexStream,
  ServerReadableStream,
  ServerUnaryCall,
  ServerWritableStream,
  ServiceError,
  StatusObject,
} from '@grpc/grpc-js';
import { Client, credentials, type Deadline, Metadata, type MethodDefinition, Server, ServerCredentials, status } from '@grpc/grpc-js';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { type OpeningProcess, runOpeningProxy } from '../support/opening-process.ts';
import { describeWith } from '../support/programs.ts';
import { createTemporaryCa } from '../support/temp-ca.ts';
import { temporaryFolder } from '../support/temp-files.ts';

type Callback = (error: Partial<ServiceError> | null, value?: Buffer, trailers?: Metadata) => void;

/** Messages are octets as they are. */
function method(path: string, requestStream: boolean, responseStream: boolean): MethodDefinition<Buffer, Buffer> {
  const same = (value: Buffer): Buffer => value;
  const way = { requestSerialize: same, requestDeserialize: same, responseSerialize: same, responseDeserialize: same };
  return { path: `/test.Echo/${path}`, requestStream, responseStream, ...way };
}

const METHODS = {
  Once: method('Once', false, false),
  Gather: method('Gather', true, false),
  Repeat: method('Repeat', false, true),
  Talk: method('Talk', true, true),
  Fail: method('Fail', false, false),
  FailHalfway: method('FailHalfway', false, true),
  Hang: method('Hang', true, true),
};

describeWith(['openssl'], 'gRPC, through an opened tunnel', () => {
  let proxy: OpeningProcess;
  let server: Server;
  let client: Client;
  let port: number;
  /** Settles when a call of `Hang` has been cancelled at the server. */
  let hung: PromiseWithResolvers<void>;
  let lastHanging: ServerDuplexStream<Buffer, Buffer>;

  beforeAll(async () => {
    const folder = temporaryFolder(afterAll);
    const ca = createTemporaryCa(folder);
    const { key, cert } = ca.issue('localhost');
    server = new Server(LARGE);
    server.addService(METHODS, {
      Once(call: ServerUnaryCall<Buffer, Buffer>, callback: Callback) {
        const [said] = call.metadata.get('x-said');
        const first = new Metadata();
        first.set('x-heard', String(said ?? 'nothing'));
        first.set('x-octets-bin', Buffer.from([0, 255, 10]));
        call.sendMetadata(first);
        const last = new Metadata();
        last.set('x-last', 'in trailers');
        callback(null, call.request, last);
      },
      Gather(call: ServerReadableStream<Buffer, Buffer>, callback: Callback) {
        const parts: Buffer[] = [];
        call.on('data', (part: Buffer) => parts.push(part));
        call.on('end', () => callback(null, Buffer.concat(parts)));
      },
      Repeat(call: ServerWritableStream<Buffer, Buffer>) {
        for (let count = 0; count < 100; count += 1) call.write(Buffer.concat([call.request, Buffer.from([count])]));
        call.end();
      },
      Talk(call: ServerDuplexStream<Buffer, Buffer>) {
        call.on('data', (part: Buffer) => call.write(part));
        call.on('end', () => call.end());
      },
      Fail(_call: ServerUnaryCall<Buffer, Buffer>, callback: Callback) {
        const trailers = new Metadata();
        trailers.set('x-why', 'because');
        // Nothing was sent before: the whole answer is one header section that ends the stream (Trailers-Only).
        callback({ code: status.FAILED_PRECONDITION, details: 'not now: 100% \u00fcber', metadata: trailers });
      },
      FailHalfway(call: ServerWritableStream<Buffer, Buffer>) {
        call.write(Buffer.from('a beginning'));
        call.emit('error', { code: status.DATA_LOSS, details: 'the rest is gone' });
      },
      Hang(call: ServerDuplexStream<Buffer, Buffer>) {
        lastHanging = call;
        call.write(Buffer.from('here'));
        call.on('cancelled', () => hung.resolve());
      },
    });
    const chain = ServerCredentials.createSsl(null, [{ private_key: Buffer.from(key), cert_chain: Buffer.from(cert) }]);
    port = await new Promise<number>((resolve, reject) => {
      server.bindAsync('127.0.0.1:0', chain, (error, bound) => (error === null ? resolve(bound) : reject(error)));
    });
    proxy = await runOpeningProxy(folder, ca);
    // As its users tell it of a proxy; it sends CONNECT by itself.
    vi.stubEnv('grpc_proxy', proxy.url);
    vi.stubEnv('no_grpc_proxy', undefined);
    vi.stubEnv('no_proxy', undefined);
    client = new Client(`localhost:${port}`, credentials.createSsl(readFileSync(proxy.authorityFile)), LARGE);
  });
  afterAll(async () => {
    client.close();
    server.forceShutdown();
    vi.unstubAllEnvs();
    await proxy.stop();
  });

  interface Answered {
    readonly value: Buffer | undefined;
    readonly error: ServiceError | null;
    readonly first: Metadata | null;
    readonly trailers: Metadata;
  }

  function ask({ path }: { readonly path: string }, message: Buffer, metadata = new Metadata(), deadline?: Deadline): Promise<Answered> {
    return new Promise((resolve) => {
      let first: Metadata | null = null;
      let answer: Pick<Answered, 'value' | 'error'>;
      const options = deadline === undefined ? {} : { deadline };
      const call = client.makeUnaryRequest(path, same, same, message, metadata, options, (error, value) => {
        answer = { value, error };
      });
      call.on('metadata', (fields: Metadata) => {
        first = fields;
      });
      call.on('status', ({ metadata: trailers }) => setImmediate(() => resolve({ ...answer, first, trailers })));
    });
  }

  function talk({ path }: { readonly path: string }, deadline?: Deadline) {
    const call = client.makeBidiStreamRequest<Buffer, Buffer>(path, same, same, deadline === undefined ? {} : { deadline });
    // What went wrong is in the status, too.
    call.on('error', () => {});
    return call;
  }

  test('the proxy reads the calls: it is HTTP/2 on both sides of it', async () => {
    await ask(METHODS.Once, Buffer.from('first'));
    const line = await proxy.logged(({ target }) => target === `https://localhost:${port}/test.Echo/Once`);
    expect(line).toMatchObject({ method: 'POST', version: '2', upstream_version: '2', status: 200, outcome: 'forwarded' });
  });

  describe('messages', () => {
    test.each([0, 1, 100_000, 4_000_000])('one of %d octets is asked and answered', async (size) => {
      const message = randomBytes(size);
      const { value, error } = await ask(METHODS.Once, message);
      expect(error).toBeNull();
      expect(value?.equals(message)).toBe(true);
    });

    test('a hundred calls at once do not mix', async () => {
      const messages = Array.from({ length: 100 }, () => randomBytes(10_000));
      const answers = await Promise.all(messages.map((message) => ask(METHODS.Once, message)));
      expect(answers.every(({ value }, index) => value?.equals(messages[index]!))).toBe(true);
    });

    test('a client streams, and is answered at its end', async () => {
      const parts = Array.from({ length: 8 }, () => randomBytes(1_000_000));
      const gathered = await new Promise<Buffer | undefined>((resolve, reject) => {
        const call = client.makeClientStreamRequest(METHODS.Gather.path, same, same, (error: ServiceError | null, value?: Buffer) => {
          if (error === null) resolve(value);
          else reject(error);
        });
        for (const part of parts) call.write(part);
        call.end();
      });
      expect(gathered?.equals(Buffer.concat(parts))).toBe(true);
    });

    test('a server streams', async () => {
      const message = randomBytes(50_000);
      const parts: Buffer[] = [];
      for await (const part of client.makeServerStreamRequest(METHODS.Repeat.path, same, same, message)) parts.push(part as Buffer);
      expect(parts).toHaveLength(100);
      expect(parts.every((part, index) => part.equals(Buffer.concat([message, Buffer.from([index])])))).toBe(true);
    });

    test('both stream, and each message is answered before the next is sent: nothing is held back', async () => {
      const call = talk(METHODS.Talk);
      for (let turn = 0; turn < 200; turn += 1) {
        const message = Buffer.from(`turn ${turn}`);
        call.write(message);
        const [answer] = (await once(call, 'data')) as [Buffer];
        expect(answer.equals(message)).toBe(true);
      }
      call.end();
      const { code } = await statusOf(call);
      expect(code).toBe(status.OK);
    });
  });

  describe('metadata and status', () => {
    test('metadata go before the message and behind it, text and octets', async () => {
      const metadata = new Metadata();
      metadata.set('x-said', 'hello');
      const { first, trailers } = await ask(METHODS.Once, Buffer.from('message'), metadata);
      expect(first?.get('x-heard')).toEqual(['hello']);
      expect(first?.get('x-octets-bin')).toEqual([Buffer.from([0, 255, 10])]);
      expect(trailers.get('x-last')).toEqual(['in trailers']);
    });

    test('a failure that is trailers and nothing else keeps its status, its words and its metadata', async () => {
      const { error, trailers } = await ask(METHODS.Fail, Buffer.from('message'));
      expect(error).toMatchObject({ code: status.FAILED_PRECONDITION, details: 'not now: 100% \u00fcber' });
      expect(trailers.get('x-why')).toEqual(['because']);
    });

    test('a failure behind messages comes after them', async () => {
      const call = client.makeServerStreamRequest(METHODS.FailHalfway.path, same, same, Buffer.alloc(0));
      const parts: Buffer[] = [];
      call.on('data', (part: Buffer) => parts.push(part));
      const [error] = (await once(call, 'error')) as [ServiceError];
      expect(Buffer.concat(parts).toString()).toBe('a beginning');
      expect(error).toMatchObject({ code: status.DATA_LOSS, details: 'the rest is gone' });
    });

    test('a method that is not there is UNIMPLEMENTED', async () => {
      const { error } = await ask({ path: '/test.Echo/Nothing' }, Buffer.alloc(0));
      expect(error?.code).toBe(status.UNIMPLEMENTED);
    });
  });

  describe('endings', () => {
    test('a deadline ends the call on both sides', async () => {
      let hasBegun = false;
      // Where the machine has other things to do, the call may not have come to the server by then.
      for (let withinMs = 300; !hasBegun; withinMs *= 3) {
        hung = Promise.withResolvers();
        const call = talk(METHODS.Hang, Date.now() + withinMs);
        call.on('data', () => {
          hasBegun = true;
        });
        const { code } = await statusOf(call);
        expect(code).toBe(status.DEADLINE_EXCEEDED);
      }
      await hung.promise;
      // The server heard the deadline, too: it is a field of the request.
      expect(lastHanging.getDeadline()).not.toBe(Number.POSITIVE_INFINITY);
    });

    test('a client that cancels is heard at the server, and the other calls go on', async () => {
      hung = Promise.withResolvers();
      const beside = talk(METHODS.Talk);
      const call = talk(METHODS.Hang);
      await once(call, 'data');
      call.cancel();
      const { code } = await statusOf(call);
      expect(code).toBe(status.CANCELLED);
      await hung.promise;
      beside.write(Buffer.from('still here'));
      expect(String((await once(beside, 'data'))[0])).toBe('still here');
      beside.end();
      beside.resume();
      expect((await statusOf(beside)).code).toBe(status.OK);
    });

    test('a server that cancels is heard at the client', async () => {
      hung = Promise.withResolvers();
      const call = talk(METHODS.Hang);
      await once(call, 'data');
      lastHanging.emit('error', { code: status.CANCELLED, details: 'not any more' });
      call.resume();
      const { code, details } = await statusOf(call);
      expect({ code, details }).toEqual({ code: status.CANCELLED, details: 'not any more' });
    });

    test('a server that goes away in a call is UNAVAILABLE or INTERNAL, never OK', async () => {
      hung = Promise.withResolvers();
      const call = talk(METHODS.Hang);
      await once(call, 'data');
      server.forceShutdown();
      call.resume();
      const { code } = await statusOf(call);
      expect([status.UNAVAILABLE, status.INTERNAL, status.CANCELLED]).toContain(code);
    });
  });
});

/** How a call ends; `once` would throw what is in the status already. */
function statusOf(call: EventEmitter): Promise<StatusObject> {
  return new Promise((resolve) => call.on('status', resolve));
}

const same = (value: Buffer): Buffer => value;
const LARGE = { 'grpc.max_receive_message_length': 10_000_000, 'grpc.max_send_message_length': 10_000_000 };
