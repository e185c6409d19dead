// Vitest reporter: writes the results to the file that UNCURL_TEST_REPORT names, for the summary of test.mjs.
import { writeFileSync } from 'node:fs';
import path from 'node:path';

export default class VitestCounter {
  onTestRunEnd(modules, unhandledErrors) {
    const tests = modules.flatMap((module) =>
      [...module.children.allTests()].map((test) => {
        const result = test.result();
        const state = result.state === 'pending' ? 'failed' : result.state;
        return {
          name: `${path.relative(process.cwd(), module.moduleId)} > ${test.fullName}`,
          state,
          reason: (state === 'skipped' ? result.note : result.errors?.[0]?.message) ?? null,
        };
      }),
    );
    // Files that cannot be loaded, and errors outside every test, are failures that belong to no test.
    const broken = modules.filter((module) => module.errors().length > 0).map((module) => module.moduleId);
    const failures = [
      ...broken.map((moduleId) => ({ name: path.relative(process.cwd(), moduleId), state: 'failed', reason: null })),
      ...unhandledErrors.map((error) => ({ name: `unhandled: ${error.message}`, state: 'failed', reason: null })),
    ];
    writeFileSync(process.env.UNCURL_TEST_REPORT, JSON.stringify([...tests, ...failures]));
  }
}
