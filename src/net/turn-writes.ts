// Owns the small messages that are written in one turn of the event loop: they leave together at its end, once all that came in with them has been read and
// judged. One after the other they run through the kernel while its code lies in the processor's caches, and whoever is to hear of them is woken once, not
// once each; several for one connection are one system call. Nobody waits for it who would not wait for the turn anyway: with nothing else to do it ends at
// once. A stream is corked meanwhile, so what is written behind keeps its order, and ending it lets go of all.

/** The part of a writable stream that is needed here. */
export interface Corkable {
  /** How often it is corked. */
  readonly writableCorked: number;
  cork(): void;
  uncork(): void;
}

/** What is written to `output` from here on waits for the end of the turn, or for `releaseNow`. */
export function holdForTurn(output: Corkable): void {
  if (output.writableCorked > 0) return;
  output.cork();
  const count = held.push(output);
  if (count === 1) setImmediate(release);
  else if (count === MOST_HELD) release();
}

/** What waits is written now: large content is to come behind it, or the end of the connection. */
export function releaseNow(output: Corkable): void {
  while (output.writableCorked > 0) output.uncork();
}

function release(): void {
  const outputs = held;
  held = spare;
  for (let i = 0; i < outputs.length; i += 1) {
    try {
      outputs[i]!.uncork();
    } catch (defect) {
      // Told and counted as every defect is (defects.ts), but not here: the others are to be let go of.
      queueMicrotask(() => {
        throw defect;
      });
    }
  }
  outputs.length = 0;
  spare = outputs;
}

let held: Corkable[] = [];
let spare: Corkable[] = [];
/** Beyond it the first would wait for too many others. */
const MOST_HELD = 64;
