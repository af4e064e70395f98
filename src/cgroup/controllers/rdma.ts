/** linux.resources.rdma (config-linux.md "RDMA"), by the name of the device: the same file in v1 and v2. */
import type { Rdma } from '../../config/spec.ts';
import { type Controller, escaped, pointer, type Write } from './write.ts';

export const rdma: Controller = ({ rdma: wanted }) =>
  wanted === undefined ? [] : Object.entries(wanted).flatMap(([device, limits]) => deviceWrites(device, limits));

/** 0 is a limit: no handle at all. */
function deviceWrites(device: string, { hcaHandles, hcaObjects }: Rdma): Write[] {
  const parts = [
    ...(hcaHandles === undefined ? [] : [`hca_handle=${hcaHandles}`]),
    ...(hcaObjects === undefined ? [] : [`hca_object=${hcaObjects}`]),
  ];
  if (parts.length === 0) return [];
  return [
    {
      controller: 'rdma',
      file: 'rdma.max',
      value: `${device} ${parts.join(' ')}`,
      from: pointer('rdma', escaped(device)),
      former: { kind: 'line', none: 'hca_handle=max hca_object=max' },
    },
  ];
}
