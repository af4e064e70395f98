import type { Spec } from '../config/spec.ts';
import { type Op, questions } from './ops.ts';

/**
 * The runtime moves the devices, once the network namespace is there: only outside of it does one see both sides.
 * (config-linux.md "Network Devices")
 */
export const planNetDevices = ({ linux }: Spec): readonly Op[] =>
  Object.keys(linux?.netDevices ?? {}).length === 0
    ? []
    : [{ op: 'ask', question: questions.netDevices, from: '/linux/netDevices' }];
