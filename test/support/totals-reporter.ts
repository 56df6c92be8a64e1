// The last line of every run: `N passed, N failed, N skipped`, from vitest's own counts.
import type { Reporter, TestModule } from 'vitest/node';

export default class TotalsReporter implements Reporter {
  onTestRunEnd(modules: readonly TestModule[], unhandledErrors: readonly unknown[]): void {
    const totals = { passed: 0, failed: 0, skipped: 0 };
    let filesThatFailedToLoad = 0;
    let suitesThatFailed = 0;
    for (const module of modules) {
      if (module.errors().length > 0) filesThatFailedToLoad += 1;
      // A suite whose beforeAll throws leaves its tests skipped; that is a failure all the same.
      for (const suite of module.children.allSuites()) if (suite.errors().length > 0) suitesThatFailed += 1;
      for (const test of module.children.allTests()) {
        const state = test.result().state;
        if (state === 'passed') totals.passed += 1;
        else if (state === 'failed') totals.failed += 1;
        else totals.skipped += 1;
      }
    }
    totals.failed += filesThatFailedToLoad + suitesThatFailed + unhandledErrors.length;
    // After the default reporter's summary, which is written in the same turn.
    process.on('exit', () => process.stdout.write(`\n${totals.passed} passed, ${totals.failed} failed, ${totals.skipped} skipped\n`));
  }
}
