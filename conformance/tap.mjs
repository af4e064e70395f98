/** Reads what a program of the suite prints (TAP, https://testanything.org) and judges it. */

/** @typedef {{ good: boolean, number: number, description: string, directive: 'skip' | 'todo' | undefined }} Result */
/** @typedef {{ verdict: 'ok' | 'not ok' | 'skipped', reasons: readonly string[] }} Judgement */

/** @param {string} text @returns {{ results: readonly Result[], planned: number | undefined }} */
export const parseTap = (text) => {
  const results = [...text.matchAll(/^(not )?ok (\d+)(?: - ([^\n]*?))?\s*(?:# (SKIP|TODO)\b\s*([^\n]*))?$/gim)].map(
    ([, not, number, description = '', directive, reason = '']) => ({
      good: not === undefined,
      number: Number(number),
      description: description || reason,
      directive: directive === undefined ? undefined : /** @type {'skip' | 'todo'} */ (directive.toLowerCase()),
    }),
  );
  const plan = /^1\.\.(\d+)/m.exec(text)?.[1];
  return { results, planned: plan === undefined ? undefined : Number(plan) };
};

/**
 * @param {{ output: string, status: number | null, timedOut: boolean }} run
 * @param {import('./programs.mjs').Program} program
 * @returns {Judgement}
 */
export const judge = ({ output, status, timedOut }, { exempt = [], silent = false }) => {
  if (timedOut) return { verdict: 'not ok', reasons: ['took too long'] };
  const { results, planned } = parseTap(output);
  const counted = results.filter(
    ({ number, description, directive }) =>
      directive === undefined && !exempt.some((pattern) => pattern.test(`${number} ${description}`)),
  );
  const reasons = counted.filter(({ good }) => !good).map(({ number, description }) => `${number} ${description}`);
  if (status !== 0) reasons.push(`the program itself ended with ${status ?? 'a signal'}`);
  // A program that prints results only when something is wrong tells of it in the details.
  if (silent) reasons.push(...[...output.matchAll(/"error": "([^"]+)"/g)].map(([, error]) => String(error)));
  // A test inside the container that dies takes its plan with it.
  else if (planned === undefined || planned > results.length)
    reasons.push('ended before it had printed all its results');
  if (reasons.length > 0) return { verdict: 'not ok', reasons };
  const skips = results.filter(({ directive }) => directive === 'skip');
  if (!silent && counted.length === 0 && skips.length > 0) {
    return { verdict: 'skipped', reasons: [String(skips[0]?.description)] };
  }
  return { verdict: 'ok', reasons: [] };
};
