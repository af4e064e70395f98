/** Rules about limits: config-linux.md "Control groups". Values that only the kernel can judge are left to it. */
import type { BlockIo, Memory } from '../spec.ts';
import { each, quoted, type Report, type Rule } from './helpers.ts';

export const memoryRule: Rule = ({ linux }, report) => {
  const memory = linux?.resources?.memory;
  if (memory === undefined) return;
  for (const field of ['limit', 'reservation', 'swap', 'kernelTCP'] as const) {
    if ((memory[field] ?? 0) < -1) {
      report.mistake(`/linux/resources/memory/${field}`, `memory.${field} is ${memory[field]}; -1 means no limit`);
    }
  }
  checkSwap(report, memory);
};

/** `swap` counts memory and swap together. Clients send 0 for what they do not set. */
function checkSwap(report: Report, { limit = 0, swap = 0 }: Memory): void {
  if (swap <= 0) return;
  const pointer = '/linux/resources/memory/swap';
  if (limit <= 0) {
    report.mistake(pointer, 'memory.swap needs memory.limit: it limits memory and swap together');
  } else if (swap < limit) {
    report.mistake(
      pointer,
      `memory.swap (${swap}) is below memory.limit (${limit})`,
      'It limits memory and swap together: no swap at all is the value of memory.limit.',
    );
  }
}

const cpuList = /^\s*\d+(-\d+)?(\s*,\s*\d+(-\d+)?)*\s*$/;

export const cpuRule: Rule = ({ linux }, report) => {
  const cpu = linux?.resources?.cpu;
  for (const field of ['cpus', 'mems'] as const) {
    const list = cpu?.[field] ?? '';
    if (list !== '' && !cpuList.test(list)) {
      report.mistake(`/linux/resources/cpu/${field}`, `${quoted(list)} is not a list`, 'Lists are like "0-3,7".');
    }
  }
  if (cpu?.idle !== undefined && cpu.idle !== 0 && cpu.idle !== 1) {
    report.mistake('/linux/resources/cpu/idle', `cpu.idle is ${cpu.idle}; allowed are 0 and 1`);
  }
};

export const deviceAccessRule: Rule = ({ linux }, report) => {
  each(linux?.resources?.devices, (rule, index) => {
    for (const field of ['major', 'minor'] as const) {
      if ((rule[field] ?? 0) < -1) {
        report.mistake(
          `/linux/resources/devices/${index}/${field}`,
          `The ${field} number is ${rule[field]}; -1 means all`,
        );
      }
    }
  });
};

const leastWeight = 10;
const mostWeight = 1000;

export const blockIoRule: Rule = ({ linux }, report) => {
  const blockIo = linux?.resources?.blockIO;
  if (blockIo === undefined) return;
  checkWeight(report, '/linux/resources/blockIO', blockIo);
  each(blockIo.weightDevice, (device, index) => {
    const place = `/linux/resources/blockIO/weightDevice/${index}`;
    checkWeight(report, place, device);
    if (device.weight === undefined && device.leafWeight === undefined) {
      report.mistake(place, `The device ${device.major}:${device.minor} has no weight`);
    }
  });
};

/** config-linux.md "Block IO": the range of weights is 10 to 1000. Clients send 0 for what they do not set. */
function checkWeight(report: Report, place: string, { weight = 0 }: Pick<BlockIo, 'weight'>): void {
  if (weight === 0 || (weight >= leastWeight && weight <= mostWeight)) return;
  report.mistake(`${place}/weight`, `The weight is ${weight}; allowed are ${leastWeight} to ${mostWeight}`);
}

/** config-linux.md "RDMA": each device needs at least one of the two limits. */
export const rdmaRule: Rule = ({ linux }, report) => {
  const rdma = linux?.resources?.rdma;
  if (rdma === undefined) return;
  for (const [device, limits] of Object.entries(rdma)) {
    if (limits === undefined || limits.hcaHandles !== undefined || limits.hcaObjects !== undefined) continue;
    report.mistake(`/linux/resources/rdma/${device}`, `The RDMA device ${quoted(device)} has no limit`);
  }
};
