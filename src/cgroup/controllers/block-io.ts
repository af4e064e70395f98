/** linux.resources.blockIO (config-linux.md "Block IO"); rates per second. */
import type { BlockIo, WeightDevice } from '../../config/spec.ts';
import { type Controller, digits, isSet, pointer, type Write } from './write.ts';

export const blockIo: Controller = ({ blockIO: wanted }, layout) => {
  if (!wanted) return [];
  return layout === 'v1'
    ? [...weightsV1(wanted), ...throttles(wanted, throttleV1)]
    : [...weightsV2(wanted), ...throttles(wanted, throttleV2)];
};

const at = (...path: readonly (string | number)[]): string => pointer('blockIO', ...path);

/** A device without a line of its own has the weight of the group. */
const byDevice = { kind: 'line', none: 'default' } as const;

const to = (file: string, value: string, from: string, rest: Partial<Write> = {}): Write => ({
  controller: file.slice(0, file.indexOf('.')),
  file,
  value,
  from,
  ...rest,
});

/** The plain names went with the CFQ scheduler in Linux 5.0; BFQ brings its own when it is loaded. */
function weightsV1({ weight, weightDevice = [] }: BlockIo): Write[] {
  const writes: Write[] = [];
  if (isSet(weight)) {
    const value = digits(weight);
    writes.push(to('blkio.weight', value, at('weight'), { instead: { file: 'blkio.bfq.weight', value } }));
  }
  for (const [index, device] of weightDevice.entries()) {
    if (!isSet(device.weight)) continue;
    const value = `${numbers(device)} ${device.weight}`;
    const instead = { file: 'blkio.bfq.weight_device', value };
    writes.push(to('blkio.weight_device', value, at('weightDevice', index, 'weight'), { instead, former: byDevice }));
  }
  return writes;
}

/** On v2 the weights are BFQ's where that is loaded, else those of blk-iocost. */
function weightsV2({ weight, weightDevice = [] }: BlockIo): Write[] {
  const writes: Write[] = [];
  if (isSet(weight)) {
    const instead = { file: 'io.weight', value: digits(costWeight(weight)) };
    // Of the line "default 100", which a number alone sets.
    writes.push(
      to('io.bfq.weight', digits(weight), at('weight'), { instead, former: { kind: 'key', key: 'default' } }),
    );
  }
  for (const [index, device] of weightDevice.entries()) writes.push(...deviceWeightV2(device, index));
  return writes;
}

function deviceWeightV2(device: WeightDevice, index: number): Write[] {
  if (!isSet(device.weight)) return [];
  const instead = { file: 'io.weight', value: `${numbers(device)} ${costWeight(device.weight)}` };
  const value = `${numbers(device)} ${device.weight}`;
  return [to('io.bfq.weight', value, at('weightDevice', index, 'weight'), { instead, former: byDevice })];
}

/** io.weight for blkio.weight: 10 to 1000 become 1 to 10000, on a line, as runc does it. */
export const costWeight = (weight: number): number => Math.trunc(1 + ((weight - 10) * 9999) / 990);

type Throttle = Extract<keyof BlockIo, `throttle${string}`>;

/** Files of v1 and keys of v2's io.max. */
const throttleNames: Readonly<Record<Throttle, readonly [file: string, key: string]>> = {
  throttleReadBpsDevice: ['blkio.throttle.read_bps_device', 'rbps'],
  throttleWriteBpsDevice: ['blkio.throttle.write_bps_device', 'wbps'],
  throttleReadIOPSDevice: ['blkio.throttle.read_iops_device', 'riops'],
  throttleWriteIOPSDevice: ['blkio.throttle.write_iops_device', 'wiops'],
};

function throttles(
  wanted: BlockIo,
  compile: (name: Throttle, device: string, rate: number, from: string) => Write,
): Write[] {
  return (Object.keys(throttleNames) as Throttle[]).flatMap((name) =>
    (wanted[name] ?? []).map((device, index) =>
      compile(name, numbers(device), device.rate ?? 0, at(name, index, 'rate')),
    ),
  );
}

/** A rate of 0 is none. */
function throttleV1(name: Throttle, device: string, rate: number, from: string): Write {
  return to(throttleNames[name][0], `${device} ${digits(rate)}`, from, { former: { kind: 'line', none: '0' } });
}

function throttleV2(name: Throttle, device: string, rate: number, from: string): Write {
  const limit = rate === 0 ? 'max' : digits(rate);
  return to('io.max', `${device} ${throttleNames[name][1]}=${limit}`, from, {
    former: { kind: 'line', none: 'rbps=max wbps=max riops=max wiops=max' },
  });
}

const numbers = ({ major, minor }: { readonly major: number; readonly minor: number }): string => `${major}:${minor}`;
