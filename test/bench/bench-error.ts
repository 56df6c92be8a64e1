// Owns the failures that whoever runs the benchmark can put right: one line, fit to print, that names the thing and the next step.
export class BenchError extends Error {
  override readonly name = 'BenchError';
}
