/** Rules about capability sets: capabilities(7). */
import { capabilityNumbers } from '../../plan/capabilities.ts';
import { didYouMean } from '../nearest.ts';
import type { Capabilities } from '../spec.ts';
import { each, quoted, type Report, type Rule } from './helpers.ts';

const setNames = ['bounding', 'effective', 'inheritable', 'permitted', 'ambient'] as const;
type SetName = (typeof setNames)[number];

const isKnown = (name: string): boolean => Object.hasOwn(capabilityNumbers, name);

export const capabilityRule: Rule = ({ process }, report) => {
  const sets = process?.capabilities;
  if (sets === undefined) return;
  for (const set of setNames) checkNames(report, set, sets[set]);
  // capset(2) refuses it with EPERM and no word about which capability it was.
  eachOutside(sets, 'effective', ['permitted'], (name, pointer) => {
    report.mistake(pointer, `${name} is effective but not permitted`, 'Add it to the permitted set.');
  });
  // A capability can be ambient only while it is permitted and inheritable. Configurations that break this are common
  // (the default of older runc versions does), and run without the ambient capability.
  if (isCopied(sets)) return;
  eachOutside(sets, 'ambient', ['permitted', 'inheritable'], (name, pointer) => {
    report.caution(pointer, `${name} cannot be ambient: it is not both permitted and inheritable`);
  });
};

/**
 * buildah gives every set but the inheritable one (CVE-2022-27651) the same capabilities. Nobody asked for ambient ones
 * there, and a warning for each would stand in the output of every RUN of a build.
 */
function isCopied({ ambient = [], bounding = [], inheritable = [] }: Capabilities): boolean {
  return inheritable.length === 0 && bounding.length > 1 && ambient.join() === bounding.join();
}

/** Not an error: config.md "Linux Process" wants names that the runtime cannot map logged as a warning. */
function checkNames(report: Report, set: SetName, names: readonly string[] | undefined): void {
  each(names, (name, index) => {
    if (isKnown(name)) return;
    const pointer = `/process/capabilities/${set}/${index}`;
    report.caution(pointer, `${quoted(name)} is not a known capability and is left out`, () => suggestion(name));
  });
}

function suggestion(name: string): string | undefined {
  const upper = name.toUpperCase();
  return didYouMean(upper.startsWith('CAP_') ? upper : `CAP_${upper}`, Object.keys(capabilityNumbers));
}

/** Visits the known capabilities of one set that are not in all of the others. */
function eachOutside(
  sets: Capabilities,
  inner: SetName,
  outer: readonly SetName[],
  visit: (name: string, pointer: string) => void,
): void {
  const others = outer.map((set) => new Set(sets[set]));
  each(sets[inner], (name, index) => {
    if (isKnown(name) && !others.every((other) => other.has(name))) {
      visit(name, `/process/capabilities/${inner}/${index}`);
    }
  });
}
