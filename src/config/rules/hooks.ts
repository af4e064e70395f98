/** Rules about hooks: config.md "POSIX-platform Hooks". */
import { checkEnvironment, each, isAbsolute, quoted, type Rule } from './helpers.ts';

const kinds = ['prestart', 'createRuntime', 'createContainer', 'startContainer', 'poststart', 'poststop'] as const;

export const hookRule: Rule = ({ hooks }, report) => {
  if (hooks === undefined) return;
  for (const kind of kinds) {
    each(hooks[kind], ({ path, env }, index) => {
      const pointer = `/hooks/${kind}/${index}`;
      if (!isAbsolute(path)) {
        report.mistake(`${pointer}/path`, `The path of the hook must be absolute, but is ${quoted(path)}`);
      }
      checkEnvironment(report, `${pointer}/env`, env);
    });
  }
};
