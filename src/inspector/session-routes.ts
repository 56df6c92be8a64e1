// Owns what the API says of sessions: which there are, beginning, saving, opening and sharing them.
import * as z from 'zod';
import { BadQuestion, valueAnswer } from '../admin/answers.ts';
import type { Question } from '../flows/store/protocol.ts';
import { answerWithFile, withFileOf } from './passing-file.ts';
import { contentAs, type Route, type RouteAsked } from './route.ts';
import { isRevealed, REVEALED, type Recording } from './traffic-routes.ts';

const NAMED = z.strictObject({
  name: z.string().regex(/^[\w][\w .-]{0,63}$/, 'expected a name of letters, digits, blanks, dots and dashes'),
});

/** @returns what the store answers, which each kind of question says */
type Asks = (question: Question) => Promise<unknown>;

export function sessionRoutes(recording: Recording): readonly Route[] {
  const asks: Asks = (question) => recording.store().ask(question);
  return [...keptRoutes(asks), ...sharedRoutes(recording, asks)];
}

function keptRoutes(asks: Asks): readonly Route[] {
  return [
    {
      method: 'GET',
      path: '/api/sessions',
      summary: 'Sessions that are kept on disk',
      answers: 'Each with its name, size and time, and whether it is recorded into',
      answer: async () => valueAnswer(await asks({ kind: 'sessions' })),
    },
    naming('/api/sessions', 'Record into a new session from now on', (name) => asks({ kind: 'beginSession', name })),
    naming('/api/sessions/current/save', 'Keep what there is now under another name', (name) => asks({ kind: 'saveSession', name })),
    {
      method: 'POST',
      path: '/api/sessions/current/clear',
      summary: 'Forget everything in the session that is recorded into',
      answers: 'Nothing',
      answer: async () => valueAnswer(await asks({ kind: 'clear' })),
    },
    naming('/api/sessions/{session}/rename', 'Give a session another name', (name, { segments }) =>
      asks({ kind: 'renameSession', session: segments['session']!, name }),
    ),
    {
      method: 'DELETE',
      path: '/api/sessions/{session}',
      summary: 'Remove a session that is not recorded into',
      answers: 'Nothing',
      answer: async ({ segments }) => valueAnswer(await asks({ kind: 'removeSession', session: segments['session']! })),
    },
  ];
}

/** A route that is told a name for a session. */
function naming(path: string, summary: string, take: (name: string, asked: RouteAsked) => Promise<unknown>): Route {
  return {
    method: 'POST',
    path,
    summary,
    content: NAMED,
    answers: 'The name',
    async answer(asked) {
      const named = await contentAs(NAMED, asked);
      await take(named.name, asked);
      return valueAnswer(named);
    },
  };
}

function sharedRoutes(recording: Recording, asks: Asks): readonly Route[] {
  return [
    {
      method: 'GET',
      path: '/api/sessions/{session}/file',
      summary: 'A session as one file, to be given to somebody',
      query: { reveal: REVEALED.reveal },
      answers: 'The file',
      async answer(asked) {
        const session = asked.segments['session']!;
        const masks = recording.masks(isRevealed(asked));
        return answerWithFile(`${session}.sallyport`, 'application/octet-stream', (file) =>
          asks({ kind: 'exportSession', session, file, masks }),
        );
      },
    },
    {
      method: 'POST',
      path: '/api/sessions/import',
      summary: 'Open the file of a session',
      file: 'A session as one file',
      query: { name: 'what to call it' },
      answers: '{session, exchanges}: under which name, and how much there is',
      async answer(asked) {
        const name = sessionNameIn(asked.query);
        return valueAnswer(await withFileOf(asked, MOST_IMPORTED, (file) => asks({ kind: 'importSession', file, name })));
      },
    },
  ];
}

/** What something that is brought in is to be called. @throws BadQuestion */
export function sessionNameIn(query: URLSearchParams): string {
  const name = query.get('name') ?? 'imported';
  if (!NAMED.safeParse({ name }).success) throw new BadQuestion(`${JSON.stringify(name)} is no name for a session.`);
  return name;
}

const MOST_IMPORTED = 512 * 1024 * 1024;
