/**
 * What the runtime-spec and the kernel demand beyond the shape of the file. Pure: nothing here looks at the host, so that a
 * configuration can be judged anywhere. The shape itself is the schema's business.
 */
import type { Finding } from './findings.ts';
import { capabilityRule } from './rules/capabilities.ts';
import { annotationRule, rootRule, utsRule, versionRule } from './rules/document.ts';
import { Enough, Report, type Rule } from './rules/helpers.ts';
import { hookRule } from './rules/hooks.ts';
import { deviceRule, hiddenPathRule } from './rules/linux.ts';
import { memoryPolicyRule } from './rules/memory-policy.ts';
import { mountRule } from './rules/mounts.ts';
import { idMappingRule, namespaceRule, timeOffsetRule } from './rules/namespaces.ts';
import { netDeviceRule } from './rules/net-devices.ts';
import { affinityRule, processRule, rlimitRule, schedulerRule } from './rules/process.ts';
import { rdtRule } from './rules/rdt.ts';
import { blockIoRule, cpuRule, deviceAccessRule, memoryRule, rdmaRule } from './rules/resources.ts';
import { seccompRule } from './rules/seccomp.ts';
import { sysctlRule } from './rules/sysctl.ts';
import { nulRule } from './rules/text.ts';
import type { Spec } from './spec.ts';

const allRules: readonly Rule[] = [
  versionRule,
  rootRule,
  processRule,
  rlimitRule,
  schedulerRule,
  affinityRule,
  capabilityRule,
  utsRule,
  mountRule,
  hookRule,
  annotationRule,
  namespaceRule,
  idMappingRule,
  timeOffsetRule,
  sysctlRule,
  deviceRule,
  hiddenPathRule,
  memoryRule,
  cpuRule,
  blockIoRule,
  rdmaRule,
  deviceAccessRule,
  seccompRule,
  memoryPolicyRule,
  netDeviceRule,
  rdtRule,
];

/**
 * The mistakes (at most `mostErrors`) and cautions about a configuration whose shape is right, in the order of the topics above.
 * @param text the source of the configuration
 */
export function checkRules(spec: Spec, text: string): readonly Finding[] {
  const report = new Report();
  try {
    for (const rule of allRules) rule(spec, report);
    // Looking at every string is worth it only where an escape can have made a NUL; JSON allows no other way.
    if (text.includes('\\u0000')) nulRule(spec, report);
  } catch (error) {
    if (!(error instanceof Enough)) throw error;
  }
  return report.findings;
}
