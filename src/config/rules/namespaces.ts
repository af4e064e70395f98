/** Rules about namespaces and what needs them: config-linux.md "Namespaces", "User namespace mappings", "Time offsets". */
import {
  checkMappings,
  each,
  eachDuplicate,
  hasHole,
  hasNamespace,
  isAbsolute,
  joinsNamespace,
  quoted,
  type Rule,
} from './helpers.ts';

export const namespaceRule: Rule = ({ linux }, report) => {
  each(linux?.namespaces, ({ type, path = '' }, index) => {
    if (path !== '' && !isAbsolute(path)) {
      report.mistake(
        `/linux/namespaces/${index}/path`,
        `The path of the ${type} namespace must be absolute, but is ${quoted(path)}`,
      );
    }
  });
  eachDuplicate(
    linux?.namespaces,
    ({ type }) => type,
    (type, index, first) => {
      report.mistake(
        `/linux/namespaces/${index}/type`,
        `The ${type} namespace is already given by /linux/namespaces/${first}`,
        'A container has one namespace of each type: keep one of them.',
      );
    },
  );
};

export const idMappingRule: Rule = (spec, report) => {
  const hasUser = hasNamespace(spec, 'user');
  const joined = joinsNamespace(spec, 'user');
  for (const field of ['uidMappings', 'gidMappings'] as const) {
    const pointer = `/linux/${field}`;
    const mappings = spec.linux?.[field];
    const given = mappings !== undefined && mappings.length > 0;
    checkMappings(report, pointer, mappings);
    if (given && !hasUser) {
      report.mistake(
        pointer,
        `There are ${field}, but the container has no user namespace of its own`,
        'Add {"type": "user"} to linux.namespaces.',
      );
    } else if (given && joined) {
      report.caution(pointer, `The ${field} have no effect: the user namespace that is joined has its own`);
    } else if (!given && hasUser && !joined && !hasHole(spec.linux?.namespaces)) {
      report.mistake(
        '/linux',
        `The container gets a new user namespace without ${field}: it would have no usable ids`,
        `Add linux.${field}, such as [{"containerID": 0, "hostID": 100000, "size": 65536}].`,
      );
    }
  }
};

export const timeOffsetRule: Rule = (spec, report) => {
  const offsets = Object.values(spec.linux?.timeOffsets ?? {});
  if (!offsets.some(({ secs = 0, nanosecs = 0 }) => secs !== 0 || nanosecs !== 0)) return;
  if (!hasNamespace(spec, 'time')) {
    report.mistake(
      '/linux/timeOffsets',
      'There are time offsets, but the container has no time namespace of its own',
      'Add {"type": "time"} to linux.namespaces.',
    );
  } else if (joinsNamespace(spec, 'time')) {
    // time_namespaces(7): offsets can be written only until the first process has entered.
    report.mistake('/linux/timeOffsets', 'The offsets of a time namespace that is joined cannot be changed');
  }
};
