/** docs/compatibility.json, what the last run on each kind of host showed, and docs/compatibility.md, made from it. */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { repository } from '../run.mjs';
import { render } from './render.mjs';

/** @typedef {import('./render.mjs').Run} Run */

const recordsFile = join(repository, 'docs/compatibility.json');
const documentFile = join(repository, 'docs/compatibility.md');

/** Marks the line of an output that holds a run: what comes out of a virtual machine is only text. */
const mark = 'tsrunc-compatibility ';

/** @param {Run} run */
export const lineOf = (run) => `${mark}${JSON.stringify(run)}`;

/** @param {string} output @returns {Run | undefined} */
export const runIn = (output) => {
  const line = output.split(/\r?\n/).find((text) => text.startsWith(mark));
  return line === undefined ? undefined : JSON.parse(line.slice(mark.length));
};

/** @param {Run} run */
const partOf = ({ date, commit }) => ({ date, ...(commit === undefined ? {} : { commit }) });

/** @param {Run} run */
export const checksOf = ({ clients, conformance }) => [...clients.flatMap(({ checks }) => checks), ...conformance];

/**
 * A run replaces what was known of the same kind of host: of the clients that it tried, and of the validation suite if it
 * ran that. What has no file any more goes.
 * @param {readonly Run[]} known
 * @param {Run} run
 * @param {(file: string) => boolean} isThere
 * @returns {readonly Run[]}
 */
export const joined = (known, run, isThere) => {
  const old = known.find(({ host }) => host === run.host);
  const others = known.filter((other) => other !== old);
  if (old === undefined) return [...others, run];
  const kept = old.clients
    .filter(({ file }) => isThere(file) && run.clients.every((client) => client.file !== file))
    .map((client) => ({ ...partOf(old), ...client }));
  const clients = [...run.clients, ...kept].sort((one, other) => one.name.localeCompare(other.name));
  // An ordinary user sees less of the same host.
  const merged = { ...run, versions: { ...old.versions, ...run.versions }, clients };
  if (run.conformance.length > 0 || old.conformance.length === 0) return [...others, merged];
  return [...others, { ...merged, conformance: old.conformance, suite: old.suite ?? partOf(old) }];
};

/** @returns {readonly Run[]} */
const known = () => (existsSync(recordsFile) ? JSON.parse(readFileSync(recordsFile, 'utf8')) : []);

/** @param {readonly Run[]} runs */
const write = (runs) => {
  writeFileSync(recordsFile, `${JSON.stringify(runs, undefined, 1)}\n`);
  writeFileSync(documentFile, render(runs));
};

/** @param {Run} run */
export const remember = (run) => write(joined(known(), run, (file) => existsSync(join(repository, file))));

/** The document anew, from what is known. */
export const renderKnown = () => write(known());
