/** Rules about cache and memory bandwidth: config-linux.md "IntelRdt". */
import { each, quoted, type Rule } from './helpers.ts';

export const rdtRule: Rule = ({ linux }, report) => {
  const rdt = linux?.intelRdt;
  if (rdt === undefined) return;
  const { closID = '', l3CacheSchema = '' } = rdt;
  if (closID !== '/' && /[/\n]|^\.\.?$/.test(closID)) {
    report.mistake(
      '/linux/intelRdt/closID',
      `${quoted(closID)} cannot be the name of an RDT class of service`,
      'It names a directory of resctrl; "/" means the default class.',
    );
  }
  if (l3CacheSchema !== '' && (!l3CacheSchema.startsWith('L3:') || l3CacheSchema.includes('\n'))) {
    report.caution('/linux/intelRdt/l3CacheSchema', 'l3CacheSchema should be one line that begins with "L3:"');
  }
  each(rdt.schemata, (line, index) => {
    if (!line.includes('\n')) return;
    report.mistake(
      `/linux/intelRdt/schemata/${index}`,
      'A line of schemata has a line feed in it',
      'Make it two lines.',
    );
  });
};
