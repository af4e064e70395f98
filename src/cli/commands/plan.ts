import { arch } from 'node:os';
import { basename } from 'node:path';
import { chooseCgroup } from '../../cgroup/choose.ts';
import { loadConfig } from '../../config/load.ts';
import { located } from '../../config/locate.ts';
import type { Spec } from '../../config/spec.ts';
import { probeHost } from '../../host/probe.ts';
import { loadNative } from '../../native/load.ts';
import { compileInit, planNamespaces } from '../../plan/compile.ts';
import { explain } from '../../plan/explain.ts';
import type { Plan } from '../../plan/plan.ts';
import { exactIntegers } from '../../seccomp/exact.ts';
import { bundlePaths } from '../bundle.ts';
import type { Call } from '../commands.ts';
import { planToJson } from '../render-plan.ts';

export async function run({ global, options, args, print }: Call<'plan'>): Promise<number> {
  const plan = await compile(args.bundle, global);
  print(options.json ? planToJson(plan) : explain(plan));
  return 0;
}

/** What `create` would do with the bundle for a container that has the folder's name. */
async function compile(given: string | undefined, global: Call<'plan'>['global']): Promise<Plan> {
  const { bundle, bundlePath } = bundlePaths(given);
  const { spec, text, locate } = await loadConfig(bundlePath, { bundleIs: 'argument' });
  try {
    return compileAll(spec, { bundle, bundlePath, global, filter: await filterOf(spec, text) });
  } catch (error) {
    throw located(error, locate);
  }
}

/** The filter of system calls, compiled anew: showing a plan leaves nothing behind. */
async function filterOf({ linux }: Spec, text: string): Promise<Uint8Array | undefined> {
  const seccomp = linux?.seccomp;
  if (seccomp === undefined) return undefined;
  const { compileFilter } = await import('../../seccomp/compile.ts');
  const source = { seccomp, exact: exactIntegers(seccomp, () => text), machine: arch() };
  return compileFilter(source, loadNative()).program;
}

interface Surroundings {
  readonly bundle: string;
  readonly bundlePath: string;
  readonly global: Call<'plan'>['global'];
  readonly filter: Uint8Array | undefined;
}

function compileAll(spec: Spec, { bundle, bundlePath, global, filter }: Surroundings): Plan {
  const host = probeHost();
  const id = basename(bundlePath);
  const namespaces = planNamespaces(spec, host);
  const init = compileInit(spec, host, {
    id,
    bundle: bundlePath,
    pivot: true,
    newKeyring: true,
    preserveFds: 0,
    listenFds: 0,
    hasListener: true,
    cgroup: chooseCgroup({ spec, id, facts: host, global }).placement,
    filter,
    hookState: (status) => ({
      prefix: '{"pid":',
      suffix: `,${JSON.stringify({ ociVersion: spec.ociVersion, id, status, bundle }).slice(1)}`,
    }),
  });
  const { cloneFlags, prologue } = namespaces;
  return { cloneFlags, prologue, init: init.ops, fds: [...namespaces.fds, ...init.fds] };
}
