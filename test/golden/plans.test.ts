/** Whole plans as they are shown by `tsrunc plan`, per kind of host. `npx vitest run test/golden -u` accepts new ones. */
import { expect, test } from 'vitest';
import type { Spec } from '../../src/config/spec.ts';
import type { HostFacts } from '../../src/host/facts.ts';
import { compile, type PlanOptions } from '../../src/plan/compile.ts';
import { explain } from '../../src/plan/explain.ts';
import {
  full,
  namespaces,
  nested,
  onV1,
  onV2,
  rootless,
  rootlessSpec,
  rootOnV1,
  rootOnV2,
  standard,
  withoutCgroup,
} from '../../src/plan/fixtures.ts';

const remapped = (spec: Spec): Spec => ({
  ...spec,
  linux: {
    ...spec.linux,
    namespaces: namespaces('pid', 'network', 'ipc', 'uts', 'mount', 'cgroup', 'user'),
    uidMappings: [{ containerID: 0, hostID: 100000, size: 65536 }],
    gidMappings: [{ containerID: 0, hostID: 100000, size: 65536 }],
  },
});

const hostEverything: Spec = {
  ociVersion: '1.3.0',
  process: { args: ['/bin/true'], cwd: '/' },
  root: { path: '.' },
  linux: { namespaces: [] },
};

test.each<[name: string, spec: Spec, host: HostFacts, options: PlanOptions]>([
  ['standard-v1', standard, rootOnV1, onV1],
  ['standard-v2', standard, rootOnV2, onV2],
  ['standard-rootless', rootlessSpec, rootless, withoutCgroup],
  ['standard-nested', standard, nested, onV2],
  ['full-v1', full, rootOnV1, onV1],
  ['full-v2', full, rootOnV2, onV2],
  ['full-remapped-v1', remapped(full), rootOnV1, onV1],
  ['host-namespaces-v1', hostEverything, rootOnV1, { ...onV1, hasListener: false, newKeyring: false }],
])('the plan of %s', async (name, spec, host, options) => {
  await expect(explain(compile(spec, host, options))).toMatchFileSnapshot(`plans/${name}.txt`);
});
