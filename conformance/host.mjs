/** What decides which programs of the suite can say something on this host. */
import { existsSync, readFileSync } from 'node:fs';

/** CAP_SYS_RESOURCE, capabilities(7). */
const sysResource = 24n;

/** @returns {import('./programs.mjs').Host} */
export const thisHost = () => {
  const hierarchies = readFileSync('/proc/self/mountinfo', 'utf8').matchAll(/ - cgroup \S+ (\S+)$/gm);
  const modules = '/sys/kernel/security/lsm';
  const effective = /^CapEff:\s*(\S+)$/m.exec(readFileSync('/proc/self/status', 'utf8'))?.[1] ?? '0';
  return {
    controllers: [...hierarchies].flatMap(([, options = '']) => options.split(',')),
    // Below two lines of headings.
    links: readFileSync('/proc/net/dev', 'utf8').trimEnd().split('\n').length - 2,
    modules: existsSync(modules) ? readFileSync(modules, 'utf8').trim().split(',') : [],
    raises: ((BigInt(`0x${effective}`) >> sysResource) & 1n) === 1n,
  };
};
