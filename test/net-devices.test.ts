/**
 * runtime-spec config-linux.md "Network Devices". The host of these tests is a network namespace of their own with veth pairs
 * in it: the real host's devices are never touched.
 */
import { afterEach, beforeEach, describe } from 'vitest';
import { type Box, type Bundle, expect, type Outcome, type Patch, test } from './support/box.ts';
import { Elsewhere } from './support/elsewhere.ts';
import { hasCapability, hasCommand, runtime } from './support/host.ts';
import { namespaceFile, withNamespaces } from './support/namespaces.ts';
import { Ordinary, unavailable } from './support/ordinary.ts';
import { exec, output } from './support/process.ts';

interface Address {
  readonly local: string;
  readonly prefixlen: number;
  readonly scope: string;
  readonly label?: string;
  readonly broadcast?: string;
}
interface Link {
  readonly ifname: string;
  readonly address: string;
  readonly mtu: number;
  readonly flags: readonly string[];
  readonly addr_info: readonly Address[];
}

const possible = hasCapability('NET_ADMIN') && hasCapability('SYS_ADMIN') && hasCommand('ip') && hasCommand('nsenter');
const mac = '02:00:5e:10:00:01';

let host: Elsewhere;

const inNetworkOf = (pid: number, ...command: readonly string[]): readonly string[] => [
  `--net=${namespaceFile(pid, 'network')}`,
  ...command,
];
const onHost = (...command: readonly string[]): Promise<string> => output('nsenter', inNetworkOf(host.pid, ...command));
const tsrunc = (box: Box, ...args: readonly string[]): Promise<Outcome> =>
  exec('nsenter', inNetworkOf(host.pid, runtime, '--root', box.root, ...args));

/** The devices of a process's network namespace by name. */
async function links(pid: number): Promise<ReadonlyMap<string, Link>> {
  const found: Link[] = JSON.parse(await output('nsenter', inNetworkOf(pid, 'ip', '-json', 'address')));
  return new Map(found.map((link) => [link.ifname, link]));
}
const names = async (pid: number): Promise<string[]> => [...(await links(pid)).keys()].sort();
const shortAddress = ({ local, prefixlen }: Address): string => `${local}/${prefixlen}`;

const sleeping =
  (netDevices: Record<string, { name?: string }>, ...patches: Patch[]): Patch =>
  (config) => {
    config.process.args = ['sleep', '100'];
    config.linux.netDevices = netDevices;
    for (const patch of patches) patch(config);
  };

/** Create a container of the bundle; its first process and its devices. */
async function created(
  box: Box,
  bundle: Bundle,
): Promise<{ id: string; pid: number; devices: ReadonlyMap<string, Link> }> {
  const id = box.id();
  const { code, stderr } = await tsrunc(box, 'create', '--bundle', bundle.path, id);
  expect(stderr).toBe('');
  expect(code).toBe(0);
  const { pid = 0 } = await box.state(id);
  return { id, pid, devices: await links(pid) };
}

// Covers /linux/netDevices
describe.runIf(possible)('netDevices', () => {
  beforeEach(async () => {
    host = await Elsewhere.make(['network']);
    await onHost('ip', 'link', 'add', 'eth0', 'address', mac, 'mtu', '1400', 'type', 'veth', 'peer', 'name', 'peer0');
    await onHost('ip', 'link', 'set', 'eth0', 'up');
    await onHost('ip', 'link', 'set', 'peer0', 'up');
    await onHost('ip', 'addr', 'add', '10.1.2.3/24', 'broadcast', '10.1.2.255', 'dev', 'eth0');
    await onHost('ip', 'addr', 'add', '10.1.2.4/24', 'label', 'eth0:web', 'dev', 'eth0');
    await onHost('ip', 'addr', 'add', 'fd00::1/64', 'nodad', 'dev', 'eth0');
  });
  afterEach(() => host[Symbol.asyncDispose]());

  test('the device is in the container and no longer outside, up, with its addresses, MTU and MAC', async ({ box }) => {
    const { devices } = await created(box, await box.bundle(sleeping({ eth0: {} })));
    const eth0 = devices.get('eth0');
    expect(eth0).toMatchObject({ mtu: 1400, address: mac });
    expect(eth0?.flags).toContain('UP');
    const global = eth0?.addr_info.filter(({ scope }) => scope === 'global') ?? [];
    expect(global.map(shortAddress)).toEqual(['10.1.2.3/24', '10.1.2.4/24', 'fd00::1/64']);
    expect(global).toMatchObject([{ broadcast: '10.1.2.255', label: 'eth0' }, { label: 'eth0:web' }, {}]);
    expect(await names(host.pid)).toEqual(['lo', 'peer0']);
  });

  test('the container can talk through it', async ({ box }) => {
    await onHost('ip', 'addr', 'add', '10.1.2.1/24', 'dev', 'peer0');
    const bundle = await box.bundle(
      sleeping({ eth0: {} }, (config) => {
        config.process.args = ['ping', '-c', '1', '-W', '5', '10.1.2.1'];
        for (const set of ['bounding', 'effective', 'permitted'] as const) {
          config.process.capabilities?.[set]?.push('CAP_NET_RAW');
        }
      }),
    );
    const { stdout } = await tsrunc(box, 'run', '--bundle', bundle.path, box.id());
    expect(stdout).toContain('1 packets received');
  });

  test('addresses that are not permanent, or not of global scope, stay behind', async ({ box }) => {
    await onHost('ip', 'addr', 'add', '10.9.9.9/32', 'valid_lft', '300', 'preferred_lft', '300', 'dev', 'eth0');
    await onHost('ip', 'addr', 'add', '169.254.7.7/16', 'scope', 'link', 'dev', 'eth0');
    const { devices } = await created(box, await box.bundle(sleeping({ eth0: {} })));
    const kept = devices.get('eth0')?.addr_info.map(shortAddress);
    expect(kept).toContain('10.1.2.3/24');
    expect(kept).not.toContain('10.9.9.9/32');
    expect(kept).not.toContain('169.254.7.7/16');
  });

  test('several devices, one renamed, labels of addresses too', async ({ box }) => {
    const { devices } = await created(box, await box.bundle(sleeping({ eth0: { name: 'web' }, peer0: { name: '' } })));
    expect([...devices.keys()].sort()).toEqual(['lo', 'peer0', 'web']);
    expect(devices.get('web')?.addr_info.map(({ label }) => label)).toEqual(expect.arrayContaining(['web', 'web:web']));
  });

  test('a name may be a template of the kernel', async ({ box }) => {
    await using joined = await Elsewhere.make(['network']);
    await output(
      'nsenter',
      inNetworkOf(joined.pid, 'ip', 'link', 'add', 'net0', 'type', 'veth', 'peer', 'name', 'eth0'),
    );
    const join = withNamespaces({ type: 'pid' }, { type: 'mount' }, { type: 'network', path: joined.path('network') });
    const { devices } = await created(box, await box.bundle(sleeping({ eth0: { name: 'net%d' } }, join)));
    expect([...devices.keys()].sort()).toEqual(['eth0', 'lo', 'net0', 'net1']);
    expect(devices.get('net1')?.address).toBe(mac);
  });

  test('works with a user namespace, and a pid namespace that takes a fork', async ({ box }) => {
    const own = withNamespaces({ type: 'user' }, { type: 'pid' }, { type: 'mount' }, { type: 'network' });
    const { devices } = await created(box, await box.bundle(sleeping({ eth0: {} }, own)));
    expect(devices.get('eth0')?.addr_info.map(shortAddress)).toContain('fd00::1/64');
  });

  test('the program finds it when it starts, in a foreground run', async ({ box }) => {
    const bundle = await box.bundle(
      sleeping({ eth0: { name: 'inside' } }, (config) => {
        config.process.args = ['cat', '/sys/class/net/inside/operstate', '/sys/class/net/inside/mtu'];
      }),
    );
    const { stdout, stderr } = await tsrunc(box, 'run', '--bundle', bundle.path, box.id());
    expect(stderr).toBe('');
    expect(stdout).toBe('up\n1400\n');
  });

  describe('what cannot be moved is an error, and everything is as it was', () => {
    const refused = async (box: Box, patch: Patch): Promise<string> => {
      const before = await onHost('ip', 'address');
      const bundle = await box.bundle(patch);
      const { code, stderr } = await tsrunc(box, 'create', '--bundle', bundle.path, box.id());
      expect(code).toBe(1);
      const asBefore = (text: string) =>
        text
          .replaceAll(/^\d+: |link-netns\S* \S+|valid_lft.*|(?<=scope link) tentative|@if\d+|@\w+/gm, '')
          .split('\n')
          .sort();
      expect(asBefore(await onHost('ip', 'address'))).toEqual(asBefore(before));
      return stderr;
    };

    test('a device that is not there; those before it return', async ({ box }) => {
      const stderr = await refused(box, sleeping({ eth0: {}, gone0: {} }));
      expect(stderr).toContain('Cannot move the network device "gone0" into the container: there is no such device');
      expect(stderr).toContain('/linux/netDevices/gone0');
    });

    test('the loopback device', async ({ box }) => {
      const stderr = await refused(box, sleeping({ lo: { name: 'lo1' } }));
      expect(stderr).toContain('"lo" into the container: it cannot leave its network namespace');
    });

    test('a name that the container has already', async ({ box }) => {
      const stderr = await refused(box, sleeping({ eth0: { name: 'lo' } }));
      expect(stderr).toContain('the container has a device "lo" already');
      expect(stderr).toContain('Hint: Choose another name, or a template such as "eth%d".');
    });

    test("into the runtime's own network namespace", async ({ box }) => {
      const join = withNamespaces({ type: 'mount' }, { type: 'network', path: namespaceFile(host.pid, 'network') });
      expect(await refused(box, sleeping({ eth0: {} }, join))).toContain('is the one that tsrunc itself is in');
    });

    test('IPv6 addresses where the container has no IPv6', async ({ box }) => {
      await using joined = await Elsewhere.make(['network']);
      await output('nsenter', [
        ...inNetworkOf(joined.pid),
        'sh',
        '-c',
        'echo 1 > /proc/sys/net/ipv6/conf/default/disable_ipv6; echo 1 > /proc/sys/net/ipv6/conf/all/disable_ipv6',
      ]);
      const join = withNamespaces({ type: 'mount' }, { type: 'network', path: joined.path('network') });
      const stderr = await refused(box, sleeping({ eth0: {} }, join));
      expect(stderr).toContain('RTM_NEWADDR: EACCES');
      expect(stderr).toContain('IPv6 may be disabled');
    });

    test('a later step of create that fails', async ({ box }) => {
      const stderr = await refused(
        box,
        sleeping({ eth0: { name: 'renamed' }, peer0: {} }, (config) => {
          config.mounts.push({ destination: '/x', type: 'nosuchfs', source: 'x' });
        }),
      );
      expect(stderr).toContain('nosuchfs');
    });
  });

  test('a program that cannot be run gives the device back, too', async ({ box }) => {
    const bundle = await box.bundle(
      sleeping({ eth0: {} }, (config) => {
        config.process.args = ['/bin/no-such-program'];
      }),
    );
    expect((await tsrunc(box, 'run', '--bundle', bundle.path, box.id())).code).not.toBe(0);
    expect((await links(host.pid)).get('eth0')?.addr_info.map(shortAddress)).toContain('10.1.2.3/24');
  });

  test('a deleted container takes its devices along', async ({ box }) => {
    const { id } = await created(box, await box.bundle(sleeping({ eth0: {} })));
    await box.ok('delete', '--force', id);
    // The kernel destroys the namespace, and a veth pair with one end in it, in its own time.
    await expect.poll(() => names(host.pid), { timeout: 10_000 }).toEqual(['lo']);
  });
});

test.skipIf(unavailable !== undefined)('an ordinary user is told that it cannot be', async ({ box }) => {
  const { code, stderr } = await new Ordinary(box).probe('true', (config) => {
    config.linux.netDevices = { eth0: {} };
  });
  expect(code).toBe(1);
  expect(stderr).toContain('An ordinary user cannot move network devices into a container');
  expect(stderr).toContain('/linux/netDevices/eth0');
});
