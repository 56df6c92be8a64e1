// Owns what the API says of breakpoints: which there are, what is held at them, and what is to become of that.
import { isUtf8 } from 'node:buffer';
import * as z from 'zod';
import { BadQuestion, valueAnswer } from '../admin/answers.ts';
import { ProxyError } from '../errors/proxy-error.ts';
import type { PassingSubject } from '../flows/filter/verdict.ts';
import { readableText } from '../flows/octet-text.ts';
import type { MaskRules } from '../flows/redact/rules.ts';
import type { Fields } from '../http/message.ts';
import { parseTarget } from '../http/target.ts';
import { isToken } from '../http/token.ts';
import {
  BREAKPOINT_STAGES,
  type BreakpointQueue,
  type Held,
  type HeldMessage,
  type HeldRequest,
  type HeldResponse,
  type Release,
} from '../rewrite/breakpoints.ts';
import type { Match } from '../rewrite/rule.ts';
import { shownMessage, withItsSecrets } from './held-secrets.ts';
import { contentAs, type Route, type RouteAsked } from './route.ts';
import { isRevealed, REVEALED, type Recording } from './traffic-routes.ts';

/** The filter language, as far as it can be asked of an exchange under way. */
export type CompileMatch = (
  text: string,
) => { readonly ok: Match<PassingSubject> } | { readonly problem: { readonly column: number; readonly message: string } };

export interface BreakpointParts {
  readonly breakpoints: BreakpointQueue<PassingSubject>;
  readonly compileMatch: CompileMatch;
}

const FIELDS = z
  .array(
    z.tuple([
      z.string().refine(isToken, 'expected the name of a field'),
      z.string().regex(/^[\t\x20-\x7e\x80-\xff]*$/, 'a value without line breaks, one character an octet'),
    ]),
  )
  .max(200);
const BREAKPOINTS = z
  .array(
    z.strictObject({
      filter: z.string().min(1).max(4_096),
      at: z.enum(BREAKPOINT_STAGES),
      isOn: z.boolean().default(true),
    }),
  )
  .max(100);
const RELEASED = z.strictObject({
  action: z.enum(['continue', 'drop', 'answer']),
  edited: z
    .strictObject({
      method: z
        .string()
        .refine((text) => isToken(text) && text.length <= 64 && text !== 'CONNECT', 'expected a method such as GET')
        .optional(),
      url: z.string().max(65_536).optional(),
      status: z.int().min(200).max(599).optional(),
      reason: z
        .string()
        .regex(/^[\t\x20-\x7e\x80-\xff]{0,200}$/)
        .optional(),
      fields: FIELDS.optional(),
      /** `null` leaves it. */
      content: z.base64().nullable().optional(),
    })
    .optional(),
});
type Edited = NonNullable<z.output<typeof RELEASED>['edited']>;

/**
 * @param base  added to `Flow.id`, it is the id in the session
 * @param masks  what is masked of what is held
 */
export function breakpointRoutes(
  { breakpoints, compileMatch }: BreakpointParts,
  base: () => number,
  masks: Recording['masks'],
): readonly Route[] {
  const heldFor = (asked: RouteAsked) => heldNow(breakpoints, base, masks(isRevealed(asked)));
  return [
    {
      method: 'GET',
      path: '/api/breakpoints',
      summary: 'Breakpoints, and what is held at them',
      query: { reveal: REVEALED.reveal },
      answers: '{breakpoints, held}',
      answer: (asked) => valueAnswer({ breakpoints: shown(breakpoints), held: heldFor(asked) }),
    },
    {
      method: 'PUT',
      path: '/api/breakpoints',
      summary: 'Set all breakpoints, in place of those before; what is held stays held',
      content: BREAKPOINTS,
      answers: '{breakpoints, held}',
      async answer(asked) {
        const wanted = await contentAs(BREAKPOINTS, asked);
        await breakpoints.set(wanted.map((each) => ({ ...each, ...compiled(each.filter, compileMatch) })));
        return valueAnswer({ breakpoints: shown(breakpoints), held: heldFor(asked) });
      },
    },
    {
      method: 'GET',
      path: '/api/breakpoints/held',
      summary: 'What is held now, the oldest first; content in base64, without codings',
      query: { reveal: REVEALED.reveal },
      answers: '{held}',
      answer: (asked) => valueAnswer({ held: heldFor(asked) }),
    },
    {
      method: 'POST',
      path: '/api/breakpoints/held/{number}',
      summary: 'Let one go on, as it is or edited; drop it; or answer it, at a request. A mask that was not edited stands for its secret',
      content: RELEASED,
      answers: 'Nothing',
      async answer(asked) {
        const { action, edited } = await contentAs(RELEASED, asked, MOST_CONTENT);
        const number = Number(asked.segments['number']);
        const held = breakpoints.find(number);
        if (held === null) throw new BadQuestion(`Nothing is held under ${asked.segments['number']}; its client may have left.`, 404);
        const whole = edited === undefined || action !== 'continue' ? (edited ?? null) : withItsSecrets(edited, held, masks(false));
        breakpoints.release(number, releaseOf(action, whole, held));
        return valueAnswer({});
      },
    },
  ];
}

/** As the page shows them. @param masks  `null` masks nothing */
export function heldNow(breakpoints: BreakpointParts['breakpoints'], base: () => number, masks: MaskRules | null): readonly object[] {
  return breakpoints.held.map((each) => {
    const { number, flowId, at, sinceMs, request, response, message } = each;
    const { url, fields, content } = shownMessage(each, masks);
    return {
      ...{ number, at, sinceMs, exchangeId: base() + flowId, method: request.method, url: readableText(url) },
      status: response?.status ?? null,
      ...(message !== null && { direction: message.direction, isText: message.isText }),
      fields: fields.map(({ name, value }) => [name, value]),
      content: content?.toString('base64') ?? '',
      /** False where there is more than is held: then it goes on as it is. */
      hasContent: content !== null,
    };
  });
}

function shown(breakpoints: BreakpointParts['breakpoints']): readonly object[] {
  return breakpoints.all.map(({ filter, at, isOn }) => ({ filter, at, isOn }));
}

function compiled(filter: string, compile: CompileMatch): Match<PassingSubject> {
  const match = compile(filter);
  if ('ok' in match) return match.ok;
  throw new BadQuestion(`filter, column ${match.problem.column}: ${match.problem.message}`);
}

/** @throws BadQuestion for what cannot be sent so */
function releaseOf(action: Release['action'], edited: Edited | null, { at, request, response, message }: Held): Release {
  if (action === 'drop') return { action };
  if (action === 'answer') {
    if (at !== 'request') throw new BadQuestion(`A ${at} is there already: edit it, or drop it.`);
    const blank: HeldResponse = { status: 200, reason: '', fields: [], content: NO_CONTENT };
    return { action, response: editedResponse(edited ?? {}, blank) };
  }
  const asItIs = { action, request: null, response: null, message: null };
  if (edited === null) return asItIs;
  if (message !== null) return { ...asItIs, message: editedMessage(edited, message) };
  return response === null
    ? { ...asItIs, request: editedRequest(edited, request) }
    : { ...asItIs, response: editedResponse(edited, response) };
}

/** @throws BadQuestion for text that is none: the peer would have to close the WebSocket (RFC 6455 §8.1) */
function editedMessage({ content }: Edited, { isText, content: before }: HeldMessage): Buffer | null {
  const edited = contentOf(content, before);
  if (edited !== null && isText && !isUtf8(edited)) throw new BadQuestion('A message of text has to be UTF-8.');
  return edited;
}

function editedRequest({ method, url, fields, content }: Edited, before: HeldRequest): HeldRequest {
  const edited = { method: method ?? before.method, url: url ?? before.url };
  const octets = Buffer.from(edited.url, 'utf8').toString('latin1');
  try {
    const { form } = parseTarget(edited.method, octets);
    if (form !== 'absolute-form') throw new BadQuestion(`${JSON.stringify(edited.url)}: expected an absolute URL.`);
  } catch (error) {
    if (error instanceof ProxyError) throw new BadQuestion(error.message);
    throw error;
  }
  return { method: edited.method, url: octets, fields: fieldsOf(fields, before.fields), content: contentOf(content, before.content) };
}

function editedResponse({ status, reason, fields, content }: Edited, before: HeldResponse): HeldResponse {
  const isOther = status !== undefined && status !== before.status;
  return {
    status: status ?? before.status,
    reason: reason ?? (isOther ? '' : before.reason),
    fields: fieldsOf(fields, before.fields),
    content: contentOf(content, before.content),
  };
}

function fieldsOf(edited: Edited['fields'], before: Fields): Fields {
  return edited === undefined ? before : edited.map(([name, value]) => ({ name, value }));
}

/** What was not shown as a whole was not edited either. */
function contentOf(edited: string | null | undefined, before: Buffer | null): Buffer | null {
  if (edited == null || (before === null && edited === '')) return null;
  return Buffer.from(edited, 'base64');
}

const MOST_CONTENT = 4 * 1024 * 1024;
const NO_CONTENT = Buffer.alloc(0);
