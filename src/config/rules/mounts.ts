/** Rules about mounts: config.md "Mounts". */
import type { Mount, Spec } from '../spec.ts';
import { checkMappings, each, hasNamespace, isAbsolute, quoted, type Report, type Rule } from './helpers.ts';

export const mountRule: Rule = (spec, report) => {
  each(spec.mounts, (mount, index) => {
    const pointer = `/mounts/${index}`;
    checkDestination(report, pointer, mount);
    checkSource(report, pointer, mount);
    checkSettings(report, pointer, mount);
    checkIdmap(report, pointer, mount, spec);
  });
};

function checkDestination(report: Report, pointer: string, { destination }: Mount): void {
  if (destination === '') {
    report.mistake(`${pointer}/destination`, 'The destination of the mount is empty');
  } else if (!isAbsolute(destination)) {
    // Deprecated since runtime-spec 1.2; taken as relative to "/".
    report.caution(
      `${pointer}/destination`,
      `The destination ${quoted(destination)} is relative, which is deprecated`,
      `Write ${quoted(`/${destination}`)}.`,
    );
  }
}

const hasOption = ({ options }: Mount, ...names: readonly string[]): boolean =>
  options?.some((option) => names.includes(option)) ?? false;

const isBind = (mount: Mount): boolean => mount.type === 'bind' || hasOption(mount, 'bind', 'rbind');

/** A remount changes what is there: it needs neither. */
function checkSource(report: Report, pointer: string, mount: Mount): void {
  if (hasOption(mount, 'remount')) return;
  if (isBind(mount) && (mount.source ?? '') === '') {
    report.mistake(pointer, `The bind mount at ${quoted(mount.destination)} has no source`);
  }
  if (!isBind(mount) && (mount.type ?? '') === '') {
    report.mistake(
      pointer,
      `The mount at ${quoted(mount.destination)} has no type`,
      'Give it a file system type, or the option "bind" or "rbind".',
    );
  }
}

function checkSettings(report: Report, pointer: string, mount: Mount): void {
  if (!isBind(mount)) return;
  each(mount.options, (option, index) => {
    if (!option.includes('=')) return;
    report.caution(
      `${pointer}/options/${index}`,
      `The option ${quoted(option)} has no effect on the bind mount at ${quoted(mount.destination)}`,
    );
  });
}

function checkIdmap(report: Report, pointer: string, mount: Mount, spec: Spec): void {
  const hasUids = (mount.uidMappings?.length ?? 0) > 0;
  const hasGids = (mount.gidMappings?.length ?? 0) > 0;
  if (hasUids !== hasGids) {
    const [given, missing] = hasUids ? ['uidMappings', 'gidMappings'] : ['gidMappings', 'uidMappings'];
    report.mistake(pointer, `The mount has ${given} but no ${missing}`, 'An idmapped mount needs both.');
  }
  checkMappings(report, `${pointer}/uidMappings`, mount.uidMappings);
  checkMappings(report, `${pointer}/gidMappings`, mount.gidMappings);
  if (hasOption(mount, 'idmap', 'ridmap') && !hasUids && !hasGids && !hasNamespace(spec, 'user')) {
    report.mistake(
      pointer,
      'The mount is to be idmapped, but neither it nor a user namespace of the container has mappings',
      'Give the mount uidMappings and gidMappings.',
    );
  }
}
