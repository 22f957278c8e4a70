import type { FullResult, Reporter, TestCase, TestResult } from '@playwright/test/reporter';

/** Says last, after all the progress, why each test failed: a log is often kept by its end alone. */
export default class Causes implements Reporter {
  private readonly causes: string[] = [];

  onTestEnd(test: TestCase, result: TestResult) {
    if (result.status === test.expectedStatus) return;
    const reasons = result.errors.map(({ message, snippet }) => `${message}\n${snippet ?? ''}`);
    this.causes.push(`${test.titlePath().slice(2).join(' › ')}\n${reasons.join('\n')}`);
  }

  onEnd(_: FullResult) {
    for (const cause of this.causes) process.stderr.write(`\n${cause}\n`);
  }
}
