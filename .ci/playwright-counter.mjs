// Playwright reporter: writes the results to the file that UNCURL_TEST_REPORT names, for the summary of test.mjs.
import { writeFileSync } from 'node:fs';

const states = { expected: 'passed', flaky: 'passed', unexpected: 'failed', skipped: 'skipped' };

export default class PlaywrightCounter {
  #suite = null;
  #errors = [];

  printsToStdio() {
    return false;
  }

  onBegin(_config, suite) {
    this.#suite = suite;
  }

  onError(error) {
    this.#errors.push({ name: error.message ?? 'error outside every test', state: 'failed', reason: null });
  }

  onEnd() {
    const tests = (this.#suite?.allTests() ?? []).map((test) => ({
      name: test.titlePath().filter(Boolean).slice(1).join(' > '),
      // A test that never ran (the run was ended) has outcome "skipped" and no result.
      state: test.results.length === 0 ? 'failed' : states[test.outcome()],
      reason:
        test.annotations.find(({ type }) => type === 'skip' || type === 'fixme')?.description ??
        test.results.at(-1)?.error?.message ??
        null,
    }));
    writeFileSync(process.env.UNCURL_TEST_REPORT, JSON.stringify([...tests, ...this.#errors]));
  }
}
