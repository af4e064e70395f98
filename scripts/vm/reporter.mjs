/**
 * A reporter for vitest that ends with "N passed, N failed, N skipped", which vitest itself has in no steady form, and names
 * each file when it begins: vitest does that at its end, and some take many minutes in a virtual machine.
 */
export default class Reporter {
  /** @param {import('vitest/node').TestModule} module */
  onTestModuleStart(module) {
    console.log(`begins: ${module.relativeModuleId}`);
  }

  /**
   * @param {readonly import('vitest/node').TestModule[]} modules
   * @param {readonly unknown[]} errors outside of every test
   */
  onTestRunEnd(modules, errors) {
    const count = { passed: 0, failed: errors.length, skipped: 0, pending: 0 };
    for (const module of modules) {
      const tests = [...module.children.allTests()];
      for (const test of tests) count[test.result().state] += 1;
      // A file that could not be loaded, or a hook that failed, has no failed tests.
      if (module.state() === 'failed' && !tests.some((test) => test.result().state === 'failed')) count.failed += 1;
    }
    console.log(`\n${count.passed} passed, ${count.failed} failed, ${count.skipped + count.pending} skipped`);
  }
}
