// Owns what the API gives of recorded content and of many exchanges at once: octets to save, views to read, requests to paste elsewhere, HTTP Archives
// out and in. Captured octets leave as what no browser runs.
import { type AdminAnswer, BadQuestion, valueAnswer } from '../admin/answers.ts';
import { CONTENT_KINDS } from '../flows/content/content-view.ts';
import { COPY_FORMS } from '../flows/copy-as/copied-request.ts';
import { answerWithFile, withFileOf } from './passing-file.ts';
import { jsonAnswer, type Route, type RouteAsked, wordIn } from './route.ts';
import { sessionNameIn } from './session-routes.ts';
import {
  capturedOctets,
  exchangeAsked,
  FILTERED,
  idOf,
  isRevealed,
  REVEALED,
  type Recording,
  sessionIn,
  unlessProblem,
} from './traffic-routes.ts';

/** @param version  of this program, for archives */
export function contentRoutes(recording: Recording, version: string): readonly Route[] {
  return [
    {
      method: 'GET',
      path: '/api/exchanges/{id}/{side}/content',
      summary: 'The octets of a content, as they passed; side is request or response',
      query: REVEALED,
      answers: 'An attachment; codings such as gzip are still on it, unless a secret was masked in it',
      answer: (asked) => octetsOf(recording, asked),
    },
    {
      method: 'GET',
      path: '/api/exchanges/{id}/{side}/view',
      summary: 'A content as somebody would read it: decoded, and laid out by what it is',
      query: { ...REVEALED, as: `one of ${CONTENT_KINDS.join(', ')}; what it is by default` },
      answers: 'Text, rows, a tree or parts; null where there is no content',
      async answer(asked) {
        const as = asked.query.has('as') ? wordIn(asked.query, 'as', CONTENT_KINDS, 'hex') : null;
        const question = { ...sessionIn(asked.query), id: idOf(asked.segments), of: sideOf(asked), as };
        return jsonAnswer(await recording.store().ask({ kind: 'view', ...question, masks: recording.masks(isRevealed(asked)) }));
      },
    },
    {
      method: 'GET',
      path: '/api/exchanges/{id}/as/{form}',
      summary: 'A request to paste elsewhere; form is curl, fetch or python',
      query: REVEALED,
      answers: '{text}',
      answer: (asked) => copied(recording, asked),
    },
    {
      method: 'GET',
      path: '/api/export.har',
      summary: 'Recorded exchanges as an HTTP Archive (HAR 1.2)',
      query: { ...FILTERED, reveal: REVEALED.reveal },
      answers: 'The archive',
      answer: (asked) => archive(recording, asked, version),
    },
    {
      method: 'POST',
      path: '/api/import.har',
      summary: 'Take up an HTTP Archive as a session of its own',
      file: 'HAR 1.2',
      query: { name: 'of the session, imported by default; where it is taken, with a number behind it' },
      answers: '{session, exchanges, leftOut}; leftOut counts entries of other schemes than http, https, ws and wss',
      answer: (asked) => imported(recording, asked),
    },
  ];
}

async function octetsOf(recording: Recording, asked: RouteAsked): Promise<AdminAnswer> {
  const id = idOf(asked.segments);
  const of = sideOf(asked);
  const masks = recording.masks(isRevealed(asked));
  const kept = await recording.store().ask({ kind: 'content', ...sessionIn(asked.query), id, of, masks });
  if (kept === null) throw new BadQuestion(`Exchange ${id} has no content of its ${of}, or it is not kept any more.`, 404);
  return capturedOctets(Buffer.from(kept.bytes), `${id}-${of}`);
}

async function copied(recording: Recording, asked: RouteAsked): Promise<AdminAnswer> {
  const form = COPY_FORMS.find((each) => each === asked.segments['form']);
  if (form === undefined) throw new BadQuestion(`There is ${COPY_FORMS.join(', ')}; found ${JSON.stringify(asked.segments['form'])}.`, 404);
  const exchange = await exchangeAsked(recording, asked);
  const question = { kind: 'copy', ...sessionIn(asked.query), exchange, form, masks: recording.masks(isRevealed(asked)) } as const;
  const request = await recording.store().ask(question);
  if (request === null) throw new BadQuestion('Only requests of HTTP can be copied.', 409);
  return jsonAnswer(request);
}

function archive(recording: Recording, asked: RouteAsked, version: string): Promise<AdminAnswer> {
  return answerWithFile('exchanges.har', 'application/json', async (file) => {
    const question = { filter: asked.query.get('filter') ?? '', file, version, masks: recording.masks(isRevealed(asked)) };
    unlessProblem(await recording.store().ask({ kind: 'exportHar', ...sessionIn(asked.query), ...question }));
  });
}

async function imported(recording: Recording, asked: RouteAsked): Promise<AdminAnswer> {
  const wanted = sessionNameIn(asked.query);
  const store = recording.store();
  const taken = new Set((await store.ask({ kind: 'sessions' })).map(({ name }) => name));
  let session = wanted;
  for (let number = 2; taken.has(session); number += 1) session = `${wanted}-${number}`;
  const { exchanges, leftOut } = await withFileOf(asked, MOST_IMPORTED, (file) =>
    store.ask({ kind: 'importHar', session, file, name: `${wanted}.har` }),
  );
  // Then there is no session of that name either.
  if (exchanges === 0) throw new BadQuestion(leftOut === 0 ? 'The archive has no exchange in it.' : NONE_FORWARDED);
  return valueAnswer({ session, exchanges, leftOut });
}

function sideOf({ segments: { side } }: RouteAsked): 'request' | 'response' {
  if (side !== 'request' && side !== 'response') throw new BadQuestion(`expected request or response; found ${JSON.stringify(side)}.`, 404);
  return side;
}

const NONE_FORWARDED = 'The archive has no exchange of http, https, ws or wss in it; entries of other schemes are left out.';
const MOST_IMPORTED = 256 * 2 ** 20;
