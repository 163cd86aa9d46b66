import type { Reporter, SerializedError, TestModule } from 'vitest/node';

/**
 * Ends the output with `tests: N passed, N failed`, counted from what really ran: a file that
 * could not be loaded and an error outside every test are failures too.
 */
export default class ClosingLine implements Reporter {
  onTestRunEnd(modules: readonly TestModule[], unhandledErrors: readonly SerializedError[]): void {
    let passed = 0;
    let failed = unhandledErrors.length;
    let skipped = 0;
    for (const module of modules) {
      if (module.errors().length > 0) failed += 1;
      for (const test of module.children.allTests()) {
        const { state } = test.result();
        if (state === 'passed') passed += 1;
        else if (state === 'failed') failed += 1;
        else skipped += 1;
      }
      for (const suite of module.children.allSuites()) failed += suite.errors().length;
    }
    if (passed === 0 && failed === 0) failed = 1;
    if (failed > 0) process.exitCode = 1;
    const line = `tests: ${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ''}`;
    // After the default reporter, which still writes its summary when this runs.
    process.once('exit', () => process.stdout.write(`${line}\n`));
  }
}
