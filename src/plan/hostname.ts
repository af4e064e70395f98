import type { Context } from './context.ts';
import type { Op } from './ops.ts';

export function planHostname({ spec: { hostname = '', domainname = '' } }: Context): readonly Op[] {
  const host: readonly Op[] = hostname === '' ? [] : [{ op: 'setHostname', name: hostname, from: '/hostname' }];
  const domain: readonly Op[] =
    domainname === '' ? [] : [{ op: 'setDomainname', name: domainname, from: '/domainname' }];
  return [...host, ...domain];
}
