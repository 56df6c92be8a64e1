/** A function that computes when it is first asked, and gives the same answer from then on. */
export function once<T extends object>(compute: () => T): () => T {
  let answer: T | undefined;
  return () => {
    answer ??= compute();
    return answer;
  };
}
