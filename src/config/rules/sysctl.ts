/** Rules about kernel parameters: only those of a namespace of the container's own may be set. */
import { pointerTo } from '../position.ts';
import type { Spec } from '../spec.ts';
import { sysctlNamespace, sysctlPath } from '../sysctl.ts';
import { hasNamespace, quoted, type Report, type Rule } from './helpers.ts';

export const sysctlRule: Rule = (spec, report) => {
  const seen = new Map<string, string>();
  for (const name of Object.keys(spec.linux?.sysctl ?? {})) {
    const pointer = pointerTo('/linux/sysctl', name);
    const path = sysctlPath(name);
    if (path === undefined) {
      report.mistake(
        pointer,
        `${quoted(name)} is not the name of a kernel parameter`,
        'Names are like net.ipv4.ip_forward or net/ipv4/conf/eth0.1/forwarding.',
      );
      continue;
    }
    const earlier = seen.get(path);
    if (earlier !== undefined) {
      report.mistake(
        pointer,
        `${quoted(name)} and ${quoted(earlier)} are the same kernel parameter`,
        'Keep one of them.',
      );
    }
    seen.set(path, name);
    checkScope(report, pointer, name, path, spec);
  }
};

function checkScope(report: Report, pointer: string, name: string, path: string, spec: Spec): void {
  if (path === 'kernel/hostname') {
    report.mistake(pointer, 'The host name is not set by a kernel parameter here', 'Use the field hostname.');
    return;
  }
  const namespace = sysctlNamespace(path);
  if (namespace === undefined) {
    report.mistake(
      pointer,
      `The kernel parameter ${quoted(name)} belongs to no namespace: it would change the host`,
      'Set it on the host.',
    );
  } else if (!hasNamespace(spec, namespace)) {
    report.mistake(
      pointer,
      `The kernel parameter ${quoted(name)} would change the host: the container has no ${namespace} namespace of its own`,
      `Add {"type": "${namespace}"} to linux.namespaces.`,
    );
  }
}
