/** Device rules in the kernel: what a container that may make any node can do with the nodes it makes. */
import { describe } from 'vitest';
import { accessTables } from '../src/cgroup/controllers/device-fixtures.ts';
import { expect, test } from './support/box.ts';
import { hasCapability, hasController, isCgroupV2 } from './support/host.ts';

/** One line for each node; where no driver is, whoever may open it hears so. */
const script = `
  opens() { case "$( (eval ": $1 /dev/node") 2>&1)" in *"No such device or address"*) printf %s "$2";; esac; }
  while read type numbers; do
    made=
    rm -f /dev/node
    mknod /dev/node "$type" "\${numbers%:*}" "\${numbers#*:}" && made=m
    echo "$type $numbers $(opens '<' r)$(opens '>>' w)$made"
  done`;

// Covers /linux/resources/devices
describe.runIf(hasCapability('MKNOD') && (isCgroupV2 || hasController('devices')))('device rules', () => {
  for (const { name, rules, allowed, onV1 } of accessTables)
    test.skipIf(!(onV1 || isCgroupV2))(name, async ({ box }) => {
      const { stdout, stderr } = await box.probe(
        script,
        ({ process, linux }) => {
          process.capabilities = { bounding: ['CAP_MKNOD'], effective: ['CAP_MKNOD'], permitted: ['CAP_MKNOD'] };
          linux.resources = { devices: rules };
        },
        { stdin: Object.keys(allowed).join('\n').concat('\n') },
      );
      expect(stderr).toBe('');
      const lines = Object.entries(allowed).map(([node, accesses]) => `${node} ${accesses}\n`);
      expect(stdout).toBe(lines.join(''));
    });
});
