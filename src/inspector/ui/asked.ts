// Owns asking the API for something that a part of the page shows: what came last stays until the next comes, and a question that nobody waits for any
// more is cancelled.
import { type Signal, useSignal } from '@preact/signals';
import { useCallback, useEffect } from 'preact/hooks';
import { getJson, problemText } from './api.ts';

export interface Asked<T> {
  /** `null` until the first answer. */
  readonly value: T | null;
  /** Whether there was one: `null` may be it. */
  readonly hasCome: boolean;
  readonly problem: string | null;
  /** Asks once more. */
  readonly again: () => void;
}

/** @param path  `null` asks nothing @param everyMs  how often it is asked again; once without */
export function useAsked<T>(path: string | null, everyMs: number | null = null): Asked<T> {
  const answer = useSignal<T | null>(null);
  const problem = useSignal<string | null>(null);
  const hasCome = useSignal(false);
  const turn = useSignal(0);
  useEffect(() => (path === null ? undefined : askUntilGone(path, everyMs, answer, problem, hasCome)), [path, everyMs, turn.value]);
  const again = useCallback(() => {
    turn.value += 1;
  }, [turn]);
  return { value: answer.value, hasCome: hasCome.value, problem: problem.value, again };
}

function askUntilGone<T>(
  path: string,
  everyMs: number | null,
  answer: Signal<T | null>,
  problem: Signal<string | null>,
  hasCome: Signal<boolean>,
): () => void {
  const controller = new AbortController();
  let timer: ReturnType<typeof setTimeout>;
  const ask = async (): Promise<void> => {
    try {
      answer.value = await getJson<T>(path, controller.signal);
      hasCome.value = true;
      problem.value = null;
    } catch (error) {
      if (!controller.signal.aborted) problem.value = problemText(error);
    }
    if (everyMs !== null && !controller.signal.aborted) timer = setTimeout(ask, everyMs);
  };
  void ask();
  return () => {
    controller.abort();
    clearTimeout(timer);
  };
}
