/** Rules about the file as a whole: its version, its annotations, the root, names of the host. */
import { newestSpecVersion } from '../spec-version.ts';
import { hasNamespace, quoted, type Rule } from './helpers.ts';

/** semver.org 2.0.0, rule 9 and 10 without their finer points. */
const semver = /^(\d+)\.(\d+)\.(\d+)(-[0-9A-Za-z.-]+)?(\+[0-9A-Za-z.-]+)?$/;
const newestMinor = Number(newestSpecVersion.split('.')[1]);

export const versionRule: Rule = ({ ociVersion }, report) => {
  const match = semver.exec(ociVersion ?? '1.0.0');
  if (match === null) {
    report.mistake('/ociVersion', `${quoted(ociVersion)} is not a version`, 'Versions are like "1.3.0" (semver.org).');
  } else if (match[1] !== '1') {
    report.mistake(
      '/ociVersion',
      `Version ${ociVersion} of the runtime-spec is not supported`,
      `Supported are 1.0.0 to 1.${newestMinor}.x.`,
    );
  } else if (Number(match[2]) > newestMinor) {
    report.caution(
      '/ociVersion',
      `Version ${ociVersion} of the runtime-spec is newer than 1.${newestMinor}: what it adds is not looked at`,
    );
  }
};

export const annotationRule: Rule = ({ annotations }, report) => {
  // config.md "Annotations": keys MUST NOT be an empty string.
  if (annotations !== undefined && Object.hasOwn(annotations, '')) {
    report.mistake('/annotations/', 'An annotation has an empty name');
  }
};

export const rootRule: Rule = ({ root }, report) => {
  if (root === undefined) {
    report.mistake('', 'The configuration has no root', 'Add "root": {"path": "rootfs"}.');
  } else if (root.path === '') {
    report.mistake('/root/path', 'The path of the root file system is empty');
  }
};

/** __NEW_UTS_LEN: longer names are EINVAL. */
const longestName = 64;

export const utsRule: Rule = (spec, report) => {
  for (const field of ['hostname', 'domainname'] as const) {
    const name = spec[field];
    if (name === undefined || name === '') continue;
    // A UTF-16 unit is at most 3 bytes; counting bytes costs more than all the rest here.
    if (name.length > longestName / 3 && Buffer.byteLength(name) > longestName) {
      report.mistake(`/${field}`, `The ${field} is longer than the ${longestName} bytes that the kernel takes`);
    }
    if (!hasNamespace(spec, 'uts')) {
      report.mistake(
        `/${field}`,
        `The ${field} ${quoted(name)} would rename the host: the container has no uts namespace of its own`,
        'Add {"type": "uts"} to linux.namespaces.',
      );
    }
  }
};
