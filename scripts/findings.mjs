/** What is worth saying of a run of vitest: failures, and what took two attempts. */
import { relative } from 'node:path';
import { repository } from './run.mjs';

/** @typedef {{ fullName: string, status: string, failureMessages: readonly string[] }} Assertion */
/** @typedef {{ name: string, status: string, message: string, assertionResults: readonly Assertion[] }} TestFile of the JSON report */

const firstLine = /** @param {string | undefined} text */ (text) => (text ?? '').trim().split('\n')[0] ?? '';

/** @param {TestFile} file @returns {boolean} whether not even its tests are known */
export const isBroken = ({ status, assertionResults }) => status === 'failed' && assertionResults.length === 0;

/** @param {TestFile} file @returns {string[]} */
export const findingsOf = (file) => {
  const name = relative(repository, file.name);
  return [
    ...(isBroken(file) ? [`failed: ${name}: ${firstLine(file.message)}`] : []),
    ...file.assertionResults
      .filter((test) => test.failureMessages.length > 0)
      .map((test) => {
        const verdict = test.status === 'passed' ? 'passed at its second attempt' : 'failed';
        return `${verdict}: ${name}: ${test.fullName}: ${firstLine(test.failureMessages[0])}`;
      }),
  ];
};
