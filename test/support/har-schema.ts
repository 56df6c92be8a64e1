// The HTTP Archive format 1.2 as a schema, written from its specification: what an archive has to have, of which types, and nothing more but fields that
// begin with an underscore.
import { z } from 'zod';

/** Own fields are free to be anything; the others are the specification's. */
function exactly<Shape extends z.ZodRawShape>(shape: Shape) {
  return z.looseObject(shape).superRefine((value, context) => {
    for (const key of Object.keys(value)) {
      if (!key.startsWith('_') && !Object.hasOwn(shape, key)) context.addIssue({ code: 'custom', message: `HAR 1.2 has no ${key}` });
    }
  });
}

const comment = z.string().optional();
const dateTime = z.string().regex(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+(?:Z|[+-]\d\d:\d\d)$/);
const optionalMs = z.number().min(-1).optional();
const ms = z.number().min(0);
const pair = exactly({ name: z.string(), value: z.string(), comment });
const cookie = exactly({
  ...{ name: z.string(), value: z.string(), path: z.string().optional(), domain: z.string().optional(), expires: dateTime.optional() },
  ...{ httpOnly: z.boolean().optional(), secure: z.boolean().optional(), comment },
});
const head = {
  httpVersion: z.string(),
  cookies: z.array(cookie),
  headers: z.array(pair),
  headersSize: z.int().min(-1),
  bodySize: z.int().min(-1),
  comment,
};
const param = exactly({
  name: z.string(),
  value: z.string().optional(),
  fileName: z.string().optional(),
  contentType: z.string().optional(),
  comment,
});
const request = exactly({
  ...head,
  method: z.string(),
  url: z.string().refine((url) => URL.canParse(url) && !url.includes('#'), 'no absolute URL without a fragment'),
  queryString: z.array(pair),
  postData: exactly({ mimeType: z.string(), params: z.array(param).optional(), text: z.string().optional(), comment }).optional(),
});
const response = exactly({
  ...head,
  ...{ status: z.int().min(0), statusText: z.string(), redirectURL: z.string() },
  content: exactly({
    ...{ size: z.int().min(0), compression: z.int().optional(), mimeType: z.string(), text: z.string().optional() },
    ...{ encoding: z.literal('base64').optional(), comment },
  }),
});
const entry = exactly({
  ...{ pageref: z.string().optional(), startedDateTime: dateTime, time: ms, request, response, cache: exactly({ comment }) },
  timings: exactly({
    blocked: optionalMs,
    dns: optionalMs,
    connect: optionalMs,
    ssl: optionalMs,
    send: ms,
    wait: ms,
    receive: ms,
    comment,
  }).refine(({ connect = -1, ssl = -1 }) => ssl <= connect, 'the time of TLS is part of that of the connection'),
  ...{ serverIPAddress: z.string().optional(), connection: z.string().optional(), comment },
}).refine(({ time, timings }) => {
  const { blocked = 0, dns = 0, connect = 0, send, wait, receive } = timings;
  return Math.abs(time - [blocked, dns, connect, send, wait, receive].reduce((sum, each) => sum + Math.max(0, each), 0)) < 0.01;
}, 'its time is not the sum of its timings');

export const HAR = exactly({
  log: exactly({
    version: z.literal('1.2'),
    creator: exactly({ name: z.string(), version: z.string(), comment }),
    browser: exactly({ name: z.string(), version: z.string(), comment }).optional(),
    pages: z.array(z.never()).optional(),
    entries: z.array(entry),
    comment,
  }),
});
