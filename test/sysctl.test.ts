/** config-linux.md "Sysctl", config.md "Hostname" and "Domainname": kernel parameters of the container's namespaces. */
import { readFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { describe } from 'vitest';
import { type Box, type Config, expect, test } from './support/box.ts';
import { Elsewhere } from './support/elsewhere.ts';
import { hasCapability } from './support/host.ts';
import { withNamespaces } from './support/namespaces.ts';
import { output } from './support/process.ts';

type Parameters = Readonly<Record<string, string>>;

/** What the container reads in these files below /proc/sys. */
const read = async (box: Box, sysctl: Parameters, files: readonly string[], patch?: (config: Config) => void) => {
  const { code, stdout, stderr } = await box.probe(`cd /proc/sys; cat ${files.join(' ')}`, (config) => {
    config.linux.sysctl = { ...sysctl };
    patch?.(config);
  });
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  return stdout.trimEnd().split('\n');
};

const refusal = async (box: Box, sysctl: Parameters, patch?: (config: Config) => void): Promise<string> => {
  const { code, stdout, stderr } = await box.probe('echo ran', (config) => {
    config.linux.sysctl = { ...sysctl };
    patch?.(config);
  });
  expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
  return stderr;
};

const ofHost = (path: string): string => readFileSync(`/proc/sys/${path}`, 'utf8').trim();

// Covers /linux/sysctl
describe.runIf(hasCapability('SYS_ADMIN'))('parameters of namespaces', () => {
  test('network', async ({ box }) => {
    const before = ofHost('net/ipv4/ip_local_port_range');
    const sysctl = {
      'net.ipv4.ip_forward': '1',
      'net.ipv4.ip_local_port_range': '2000 3000',
      'net.ipv4.ping_group_range': '0 0',
      'net.ipv4.conf.lo.rp_filter': '2',
      'net.core.somaxconn': '77',
    };
    const files = Object.keys(sysctl).map((name) => name.replaceAll('.', '/'));
    expect(await read(box, sysctl, files)).toEqual(['1', '2000\t3000', '0\t0', '2', '77']);
    expect(ofHost('net/ipv4/ip_local_port_range')).toBe(before);
  });

  test('ipc: shared memory, semaphores, message queues of both kinds', async ({ box }) => {
    const before = ofHost('kernel/shmmni');
    const sysctl = {
      'kernel.shmmax': '1000000',
      'kernel.shmall': '2000',
      'kernel.shmmni': '123',
      'kernel.shm_rmid_forced': '1',
      'kernel.sem': '200 20000 20 100',
      'kernel.msgmax': '4096',
      'kernel.msgmnb': '9000',
      'kernel.msgmni': '50',
      'fs.mqueue.msg_max': '20',
      'fs.mqueue.queues_max': '30',
    };
    const files = Object.keys(sysctl).map((name) => name.replaceAll('.', '/'));
    const values = Object.values(sysctl).map((value) => value.replaceAll(' ', '\t'));
    expect(await read(box, sysctl, files)).toEqual(values);
    expect(ofHost('kernel/shmmni')).toBe(before);
  });

  test('in both spellings', async ({ box }) => {
    const sysctl = {
      'net/ipv4/conf/lo/forwarding': '1',
      'net.ipv4.conf.all.accept_redirects': '0',
      'kernel/shmmni': '99',
    };
    const files = ['net/ipv4/conf/lo/forwarding', 'net/ipv4/conf/all/accept_redirects', 'kernel/shmmni'];
    expect(await read(box, sysctl, files)).toEqual(['1', '0', '99']);
  });

  test('of an interface whose name has dots in it', async ({ box }) => {
    await using other = await Elsewhere.make(['network']);
    await output('nsenter', ['-t', String(other.pid), '-n', 'busybox', 'ip', 'link', 'set', 'lo', 'name', 'a.b']);
    const files = ['net/ipv4/conf/a.b/rp_filter', 'net/ipv4/conf/a.b/log_martians'];
    const sysctl = { 'net.ipv4.conf.a/b.rp_filter': '2', 'net/ipv4/conf/a.b/log_martians': '1' };
    const found = await read(box, sysctl, files, (config) => {
      const path = other.path('network');
      config.linux.namespaces = config.linux.namespaces.map((entry) =>
        entry.type === 'network' ? { type: 'network', path } : entry,
      );
    });
    expect(found).toEqual(['2', '1']);
  });

  test('are set in the order of the config', async ({ box }) => {
    const sysctl = { 'net.ipv4.conf.all.forwarding': '1', 'net.ipv4.conf.lo.forwarding': '0' };
    expect(await read(box, sysctl, ['net/ipv4/conf/lo/forwarding'])).toEqual(['0']);
  });

  test('an empty value empties a list', async ({ box }) => {
    const name = 'net/ipv4/ip_local_reserved_ports';
    expect(await read(box, { [name]: '8080,9000-9005' }, [name])).toEqual(['8080,9000-9005']);
    expect(await read(box, { [name]: '' }, [name])).toEqual(['']);
  });

  test('also without any /proc inside, and with a read-only one', async ({ box }) => {
    const bundle = await box.bundle((config) => {
      config.mounts = config.mounts.filter(({ destination }) => destination !== '/proc');
      config.linux.sysctl = { 'net.ipv4.ip_forward': '1' };
      config.linux.maskedPaths = [];
      config.linux.readonlyPaths = [];
      config.process.args = ['sleep', '100'];
    });
    const id = await box.create(bundle);
    const { pid } = await box.state(id);
    expect(await output('nsenter', ['-t', String(pid), '-n', 'cat', '/proc/sys/net/ipv4/ip_forward'])).toBe('1\n');
    const readonly = await read(box, { 'net.ipv4.ip_forward': '1' }, ['net/ipv4/ip_forward'], (config) => {
      for (const mount of config.mounts) if (mount.destination === '/proc') mount.options = ['ro'];
    });
    expect(readonly).toEqual(['1']);
  });

  test('in a user namespace', async ({ box }) => {
    const bundle = await box.bundle((config) => {
      withNamespaces(...(['pid', 'mount', 'user', 'uts', 'ipc', 'network'] as const).map((type) => ({ type })))(config);
      config.linux.sysctl = {
        'net.ipv4.ip_forward': '1',
        'net.ipv4.ip_unprivileged_port_start': '80',
        'user.max_user_namespaces': '7',
      };
      config.process.args = [
        'sh',
        '-c',
        'cd /proc/sys; cat net/ipv4/ip_forward net/ipv4/ip_unprivileged_port_start user/max_user_namespaces',
      ];
    });
    await output('chown', ['-hR', '100000:100000', bundle.rootfs]);
    expect(await box.run(bundle)).toMatchObject({ code: 0, stdout: '1\n80\n7\n', stderr: '' });
  });
});

describe('parameters that cannot be set', () => {
  const place = String.raw`config\.json:\d+:\d+`;

  test.for([
    ['of the host', 'vm.swappiness', () => {}],
    ['of the kernel', 'kernel.core_pattern', () => {}],
    ['of the network of the host', 'net.ipv4.ip_forward', (config: Config) => without(config, 'network')],
    ['of the ipc of the host', 'kernel.shmmax', (config: Config) => without(config, 'ipc')],
    ['of the queues of the host', 'fs.mqueue.msg_max', (config: Config) => without(config, 'ipc')],
    ['of the users of the host', 'user.max_net_namespaces', () => {}],
    ['the host name, for which there is a field', 'kernel.hostname', () => {}],
    ['no name', 'shmmax', () => {}],
    ['a way out', 'net/../kernel/core_pattern', () => {}],
    ['a way out by dots', 'net./../kernel.core_pattern', () => {}],
  ] as const)('%s', async ([, name, patch], { box }) => {
    const before = readFileSync('/proc/sys/kernel/core_pattern', 'utf8');
    const stderr = await refusal(box, { [name]: '1' }, patch);
    const pointer = `/linux/sysctl/${name.replaceAll('/', '~1')}`;
    expect(stderr).toMatch(new RegExp(place));
    expect(stderr).toContain(`${pointer})`);
    expect(readFileSync('/proc/sys/kernel/core_pattern', 'utf8')).toBe(before);
  });

  const without = (config: Config, type: string): void => {
    config.linux.namespaces = config.linux.namespaces.filter((entry) => entry.type !== type);
  };

  describe.runIf(hasCapability('SYS_ADMIN'))('by what the kernel says', () => {
    test.for([
      [
        'missing',
        'net.ipv4.nothing_of_this_name',
        '1',
        /set the kernel parameter .*: openat2: ENOENT .*\nHint: This kernel has no such/,
      ],
      [
        'a value that is no number',
        'net.ipv4.ip_forward',
        'yes',
        /ip_forward to "yes": write: EINVAL .*\nHint: The kernel does not take/,
      ],
      [
        'a value out of range',
        'kernel.msgmni',
        '-5',
        /msgmni to "-5": write: (EINVAL|ERANGE) .*\nHint: The kernel does not take/,
      ],
      ['an empty value', 'kernel.shmmax', '', /write: EINVAL .*\nHint: The kernel does not take/],
      [
        'read-only',
        'net.ipv4.tcp_available_congestion_control',
        'x',
        /: openat2: (EACCES|EPERM) .*\nHint: The container may not write/,
      ],
      ['a directory', 'net.ipv4', '1', /: openat2: EISDIR /],
    ] as const)('%s', async ([, name, value, message], { box }) => {
      const stderr = await refusal(box, { [name]: value });
      expect(stderr).toMatch(message);
      expect(stderr).toMatch(new RegExp(`${place}, /linux/sysctl/${name}\\)`));
    });
  });
});

// Covers /{hostname,domainname}
describe('hostname and domainname', () => {
  test('are those of the container only', async ({ box }) => {
    const [before, domainBefore] = [hostname(), ofHost('kernel/domainname')];
    const names = 'hostname; cat /proc/sys/kernel/hostname /proc/sys/kernel/domainname; uname -n';
    const { stdout, stderr } = await box.probe(names, (config) => {
      config.hostname = 'in-the.box';
      config.domainname = 'example.org';
    });
    expect({ stdout, stderr }).toEqual({ stdout: 'in-the.box\nin-the.box\nexample.org\nin-the.box\n', stderr: '' });
    expect([hostname(), ofHost('kernel/domainname')]).toEqual([before, domainBefore]);
  });

  test('of 64 bytes, and of letters beyond ASCII', async ({ box }) => {
    for (const name of ['x'.repeat(64), 'ü☃', 'with blank', '-']) {
      const { stdout } = await box.probe('cat /proc/sys/kernel/hostname /proc/sys/kernel/domainname', (config) => {
        config.hostname = name;
        config.domainname = name;
      });
      expect(stdout).toBe(`${name}\n${name}\n`);
    }
  });

  test('without them they are those of the host', async ({ box }) => {
    const { stdout } = await box.probe('hostname', (config) => {
      delete config.hostname;
    });
    expect(stdout.trim()).toBe(hostname());
  });

  test('in a joined uts namespace', async ({ box }) => {
    await using other = await Elsewhere.make(['uts']);
    const { stdout } = await box.probe('hostname', (config) => {
      config.hostname = 'renamed';
      config.linux.namespaces = config.linux.namespaces.map((entry) =>
        entry.type === 'uts' ? { type: 'uts', path: other.path('uts') } : entry,
      );
    });
    expect(stdout).toBe('renamed\n');
  });

  test('kernel.domainname is the same', async ({ box }) => {
    expect(await read(box, { 'kernel.domainname': 'by.sysctl' }, ['kernel/domainname'])).toEqual(['by.sysctl']);
  });

  test.for(['hostname', 'domainname'] as const)('%s: the host is not renamed', async (field, { box }) => {
    const { code, stderr } = await box.probe('true', (config) => {
      delete config.hostname;
      config[field] = 'oops';
      config.linux.namespaces = config.linux.namespaces.filter(({ type }) => type !== 'uts');
    });
    expect(code).toBe(1);
    expect(stderr).toMatch(new RegExp(String.raw`config\.json:\d+:\d+, /${field}\)[^]*"uts"`));
    expect(hostname()).not.toBe('oops');
  });

  test.for(['hostname', 'domainname'] as const)('%s of more than 64 bytes', async (field, { box }) => {
    const { code, stderr } = await box.probe('true', (config) => {
      config[field] = 'ü'.repeat(33);
    });
    expect(code).toBe(1);
    expect(stderr).toMatch(new RegExp(String.raw`64.*\S*config\.json:\d+:\d+, /${field}\)`));
  });
});

/** The values are those of the host already: also a runtime that lets them pass changes nothing. */
describe("a path that leads to the runtime's own namespace", () => {
  const joined = (type: 'uts' | 'network' | 'ipc', path: string, config: Config): void => {
    delete config.hostname;
    config.linux.namespaces = config.linux.namespaces.map((entry) => (entry.type === type ? { type, path } : entry));
  };

  test.for([
    ['uts', '/hostname', `/proc/${process.pid}/ns/uts`],
    ['uts', '/domainname', '/proc/self/ns/uts'],
    ['uts', '/linux/sysctl/kernel.domainname', '/proc/thread-self/ns/uts'],
    ['network', '/linux/sysctl/net.ipv4.ip_forward', '/proc/self/ns/net'],
    ['ipc', '/linux/sysctl/kernel.msgmax', '/proc/self/ns/ipc'],
  ] as const)('%s: %s does not change the host', async ([type, pointer, path], { box }) => {
    const { code, stderr } = await box.probe('true', (config) => {
      joined(type, path, config);
      const name = pointer.split('/').at(-1) ?? '';
      if (pointer === '/hostname') config.hostname = hostname();
      else if (pointer === '/domainname') config.domainname = ofHost('kernel/domainname');
      else config.linux.sysctl = { [name]: ofHost(name.replaceAll('.', '/')) };
    });
    expect(code).toBe(1);
    expect(stderr).toContain(`The ${type} namespace at "${path}" is the runtime's own`);
    expect(stderr).toContain(pointer);
  });

  // criu would join it all the same, by the path; nothing of it is needed to see that.
  test.for([
    ['uts', '/hostname', '/proc/self/ns/uts', "is the runtime's own"],
    ['uts', '/linux/namespaces/3/path', '/proc/self/ns/net', 'it is a namespace of another type'],
    ['network', '/linux/namespaces/1/path', '/nowhere', 'ENOENT'],
  ] as const)('restore refuses it as well: %s, %s', async ([type, pointer, path, says], { box }) => {
    const bundle = await box.bundle((config) => {
      joined(type, path, config);
      if (pointer === '/hostname') config.hostname = hostname();
    });
    const { code, stderr } = await box.tsrunc('restore', '-d', '-b', bundle.path, box.id());
    expect(code).toBe(1);
    expect(stderr).toContain(`${type} namespace at "${path}"`);
    expect(stderr).toContain(says);
    expect(stderr).toMatch(new RegExp(`config\\.json:\\d+:\\d+, ${pointer}\\)`));
    expect((await box.ok('list', '-q')).stdout).toBe('');
  });

  test('is joined where nothing in it is set', async ({ box }) => {
    const { stdout } = await box.probe('hostname', (config) => joined('uts', '/proc/self/ns/uts', config));
    expect(stdout.trim()).toBe(hostname());
  });
});
