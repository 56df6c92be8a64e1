// Owns what the API says of sessions: which there are, beginning, saving, opening and sharing them.
import { createReadStream, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import * as z from 'zod';
import { BadQuestion, valueAnswer } from '../admin/answers.ts';
import type { Question } from '../flows/store/protocol.ts';
import { contentAs, type Route } from './route.ts';
import { isRevealed, REVEALED, type Recording } from './traffic-routes.ts';

const NAMED = z.strictObject({
  name: z.string().regex(/^[\w][\w .-]{0,63}$/, 'expected a name of letters, digits, blanks, dots and dashes'),
});

export function sessionRoutes(recording: Recording): readonly Route[] {
  const asks = (question: Question) => recording.store().ask(question);
  return [
    {
      method: 'GET',
      path: '/api/sessions',
      summary: 'Sessions that are kept on disk',
      answers: 'Each with its name, size and time, and whether it is recorded into',
      answer: async () => valueAnswer(await asks({ kind: 'sessions' })),
    },
    {
      method: 'POST',
      path: '/api/sessions',
      summary: 'Record into a new session from now on',
      content: NAMED,
      answers: 'The name',
      async answer(asked) {
        const { name } = await contentAs(NAMED, asked);
        await asks({ kind: 'beginSession', name });
        return valueAnswer({ name });
      },
    },
    {
      method: 'POST',
      path: '/api/sessions/current/save',
      summary: 'Keep what there is now under another name',
      content: NAMED,
      answers: 'The name',
      async answer(asked) {
        const { name } = await contentAs(NAMED, asked);
        await asks({ kind: 'saveSession', name });
        return valueAnswer({ name });
      },
    },
    {
      method: 'POST',
      path: '/api/sessions/current/clear',
      summary: 'Forget everything in the session that is recorded into',
      answers: 'Nothing',
      answer: async () => valueAnswer(await asks({ kind: 'clear' })),
    },
    {
      method: 'POST',
      path: '/api/sessions/{session}/rename',
      summary: 'Give a session another name',
      content: NAMED,
      answers: 'The name',
      async answer(asked) {
        const { name } = await contentAs(NAMED, asked);
        await asks({ kind: 'renameSession', session: asked.segments['session']!, name });
        return valueAnswer({ name });
      },
    },
    {
      method: 'DELETE',
      path: '/api/sessions/{session}',
      summary: 'Remove a session that is not recorded into',
      answers: 'Nothing',
      answer: async ({ segments }) => valueAnswer(await asks({ kind: 'removeSession', session: segments['session']! })),
    },
    {
      method: 'GET',
      path: '/api/sessions/{session}/file',
      summary: 'A session as one file, to be given to somebody',
      query: { reveal: REVEALED.reveal },
      answers: 'The file',
      async answer(asked) {
        const session = asked.segments['session']!;
        const masks = recording.masks(isRevealed(asked));
        const folder = mkdtempSync(path.join(tmpdir(), 'sallyport-'));
        const forget = () => rmSync(folder, { recursive: true, force: true });
        try {
          const file = path.join(folder, 'session.sallyport');
          await asks({ kind: 'exportSession', session, file, masks });
          const content = createReadStream(file).once('close', forget);
          return { kind: 'octets', type: 'application/octet-stream', content, fields: attachment(`${session}.sallyport`) };
        } catch (error) {
          forget();
          throw error;
        }
      },
    },
    {
      method: 'POST',
      path: '/api/sessions/import',
      summary: 'Open the file of a session; content as application/octet-stream',
      query: { name: 'what to call it' },
      answers: '{session, exchanges}: under which name, and how much there is',
      async answer(asked) {
        const name = sessionNameIn(asked.query);
        const folder = mkdtempSync(path.join(tmpdir(), 'sallyport-'));
        try {
          const file = path.join(folder, 'session.sallyport');
          await asked.toFile(file, MOST_IMPORTED);
          return valueAnswer(await asks({ kind: 'importSession', file, name }));
        } finally {
          rmSync(folder, { recursive: true, force: true });
        }
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

export function attachment(name: string): Readonly<Record<string, string>> {
  return { 'Content-Disposition': `attachment; filename="${name.replace(/[^\w.-]/g, '_')}"` };
}

const MOST_IMPORTED = 512 * 1024 * 1024;
