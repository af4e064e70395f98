/** Rules about hooks: config.md "POSIX-platform Hooks". */
import type { Hooks } from '../spec.ts';
import { checkEnvironment, each, isAbsolute, quoted, type Rule } from './helpers.ts';

/** In the order in which they run. */
export const hookKinds = [
  'prestart',
  'createRuntime',
  'createContainer',
  'startContainer',
  'poststart',
  'poststop',
] as const satisfies readonly (keyof Hooks)[];

export const hookRule: Rule = ({ hooks }, report) => {
  if (hooks === undefined) return;
  for (const kind of hookKinds) {
    each(hooks[kind], ({ path, env }, index) => {
      const pointer = `/hooks/${kind}/${index}`;
      if (!isAbsolute(path)) {
        report.mistake(`${pointer}/path`, `The path of the hook must be absolute, but is ${quoted(path)}`);
      }
      checkEnvironment(report, `${pointer}/env`, env);
    });
  }
};
