/** `npm start`: set up what is missing, then show a container. */
import { readFileSync } from 'node:fs';
import { run } from './run.mjs';
import { script, setUp } from './setup.mjs';

const CAP_SYS_ADMIN = 21n;

/** Root of a container that engines made has uid 0 as well, but may not mount. */
const mayMakeEverything = () => {
  const effective = /^CapEff:\s*([0-9a-f]+)$/m.exec(readFileSync('/proc/self/status', 'utf8'))?.[1] ?? '0';
  return process.getuid?.() === 0 && ((BigInt(`0x${effective}`) >> CAP_SYS_ADMIN) & 1n) === 1n;
};

await script(() => {
  setUp();
  const sample = mayMakeEverything() ? 'tour' : 'rootless';
  const { status } = run('bundles/run', [sample], { stdio: 'inherit' });
  if (status === 0) {
    const more =
      sample === 'tour'
        ? 'namespaces, limits, volumes, layers, shell, hello'
        : 'as root: tour, namespaces, limits, volumes';
    console.log(`That was bundles/${sample}. More: npm run bundle NAME (${more}).`);
  }
  return status ?? 1;
});
