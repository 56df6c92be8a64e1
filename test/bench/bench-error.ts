// Owns the failures that whoever runs the benchmark can put right: one line, fit to print, that names the thing and the next step.
export class BenchError extends Error {
  override readonly name = 'BenchError';
}

/** Of a benchmark that could not be done, or not in whole. */
export const EXIT_FAILED = 1;

/** Runs a program to its end; what whoever runs it can put right is one line on standard error. */
export async function runProgram(main: () => Promise<void>): Promise<void> {
  try {
    await main();
  } catch (error) {
    if (!(error instanceof BenchError)) throw error;
    console.error(`bench: ${error.message}`);
    process.exitCode = EXIT_FAILED;
  }
}
