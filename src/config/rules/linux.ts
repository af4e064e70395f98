/** Rules about devices and hidden paths: config-linux.md "Devices", "Masked Paths", "Readonly Paths". */
import type { Device } from '../spec.ts';
import { each, eachDuplicate, isAbsolute, quoted, type Report, type Rule } from './helpers.ts';

/** The kernel's dev_t: 12 bits of major, 20 bits of minor number. */
const largest = { major: 2 ** 12 - 1, minor: 2 ** 20 - 1 } as const;

export const deviceRule: Rule = ({ linux }, report) => {
  each(linux?.devices, (device, index) => {
    const pointer = `/linux/devices/${index}`;
    if (!isAbsolute(device.path)) {
      report.mistake(`${pointer}/path`, `The path of the device must be absolute, but is ${quoted(device.path)}`);
    }
    if (device.type !== 'p') checkNumbers(report, pointer, device);
  });
  eachDuplicate(
    linux?.devices,
    ({ path }) => path,
    (path, index, first) => {
      report.caution(`/linux/devices/${index}/path`, `${quoted(path)} is already made by /linux/devices/${first}`);
    },
  );
};

function checkNumbers(report: Report, pointer: string, device: Device): void {
  for (const field of ['major', 'minor'] as const) {
    const value = device[field];
    if (value === undefined) {
      report.mistake(pointer, `The device ${quoted(device.path)} has no ${field} number`);
    } else if (value < 0 || value > largest[field]) {
      report.mistake(
        `${pointer}/${field}`,
        `The ${field} number of ${quoted(device.path)} is ${value}; allowed are 0 to ${largest[field]}`,
      );
    }
  }
}

const waysOut = {
  maskedPaths: 'Name what is to be hidden in it.',
  readonlyPaths: 'Use root.readonly.',
} as const;

/** "/" itself, in any spelling without a name in it. */
const isRoot = (path: string): boolean => /^[/.]*$/.test(path) && !path.includes('..');

export const hiddenPathRule: Rule = ({ linux }, report) => {
  for (const field of ['maskedPaths', 'readonlyPaths'] as const) {
    each(linux?.[field], (path, index) => {
      const pointer = `/linux/${field}/${index}`;
      if (!isAbsolute(path)) {
        report.mistake(pointer, `${field} must be absolute, but this one is ${quoted(path)}`);
      } else if (isRoot(path)) {
        // Covered, the root would still be the root of each process: nothing would be hidden.
        report.mistake(pointer, `${field} cannot have the root of the container in it`, waysOut[field]);
      }
    });
  }
};
