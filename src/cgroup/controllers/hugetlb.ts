/** linux.resources.hugepageLimits (config-linux.md "Huge page limits"), in bytes. */
import { type Controller, digits, pointer, type Write } from './write.ts';

/**
 * Both the use of pages and their reservation: a limit of use alone hits a process with SIGBUS at the first touch of a page
 * that it was promised. Kernels before 5.7 have none of reservations.
 *
 * A limit of 0 may go without a file: where the size does not exist there are no such pages, and the kubelet sends one for
 * every size in every container, whether the host limits huge pages or not.
 */
export const hugetlb: Controller = ({ hugepageLimits }, layout) =>
  (hugepageLimits ?? []).flatMap(({ pageSize, limit }, index): Write[] => {
    const name = layout === 'v1' ? 'limit_in_bytes' : 'max';
    const asked: Write = {
      controller: 'hugetlb',
      file: `hugetlb.${pageSize}.${name}`,
      value: digits(limit),
      from: pointer('hugepageLimits', index, 'limit'),
    };
    return [
      limit === 0 ? { ...asked, ifMissing: 'warn' } : asked,
      { ...asked, file: `hugetlb.${pageSize}.rsvd.${name}`, ifMissing: 'skip' },
    ];
  });
