/** Rules about network devices: config-linux.md "Network Devices", and dev_valid_name of the kernel. */
import { pointerTo } from '../position.ts';
import { hasNamespace, quoted, type Report, type Rule } from './helpers.ts';

/** IFNAMSIZ without its NUL. */
const longestName = 15;

export const netDeviceRule: Rule = (spec, report) => {
  const devices = Object.entries(spec.linux?.netDevices ?? {});
  if (devices.length === 0) return;
  if (!hasNamespace(spec, 'network')) {
    report.mistake(
      '/linux/netDevices',
      'There are network devices to move, but the container has no network namespace of its own',
      'Add {"type": "network"} to linux.namespaces.',
    );
  }
  const names = new Map<string, string>();
  for (const [name, device] of devices) checkDevice(report, names, name, device?.name ?? '');
};

function checkDevice(report: Report, names: Map<string, string>, name: string, inside: string): void {
  const pointer = pointerTo('/linux/netDevices', name);
  checkName(report, pointer, name);
  if (inside !== '') checkTemplate(report, `${pointer}/name`, inside);
  const last = inside === '' ? name : inside;
  const other = names.get(last);
  if (other !== undefined && !last.includes('%')) {
    report.mistake(pointer, `${quoted(name)} and ${quoted(other)} get the same name in the container, ${quoted(last)}`);
  }
  names.set(last, name);
}

function checkName(report: Report, pointer: string, name: string): void {
  const wrong = whyNoName(name);
  if (wrong !== '') report.mistake(pointer, `${quoted(name)} cannot be the name of a network device: ${wrong}`);
}

function whyNoName(name: string): string {
  if (name === '' || name === '.' || name === '..') return 'the kernel has no such names';
  if (Buffer.byteLength(name) > longestName) return `it is longer than ${longestName} bytes`;
  return /[/:\s]/.test(name) ? 'it has a slash, a colon or a blank in it' : '';
}

/** "eth%d" has the kernel choose the number; no other use of % is known to it. */
function checkTemplate(report: Report, pointer: string, name: string): void {
  checkName(report, pointer, name);
  const [, ...rest] = name.split('%');
  if (rest.length === 0 || (rest.length === 1 && rest[0]?.startsWith('d'))) return;
  report.mistake(pointer, `${quoted(name)} is no template of a name`, 'The only one is a single "%d", as in "eth%d".');
}
