/** A process of its own file (`exec --process`): the runtime-spec's `process`, judged as part of its container's configuration. */
import type { Place } from '../errors.ts';
import { validate } from '../generated/validate-config.ts';
import { type Finding, isError, type PlacedFinding } from './findings.ts';
import { parseJson } from './parse.ts';
import { placeOf } from './position.ts';
import { readDocument } from './read.ts';
import { checkRules } from './rules.ts';
import type { Process, Spec } from './spec.ts';

export interface LoadedProcess {
  readonly process: Process;
  readonly warnings: readonly PlacedFinding[];
  /** Place in the file of a JSON pointer into the configuration, "/process/cwd". */
  readonly locate: (pointer: string) => Place;
}

/**
 * Reads, validates and returns a process.
 * @param path of the file
 * @param container accepted configuration of the container that it is to run in
 * @throws TsruncError CONFIG_UNREADABLE; CONFIG_INVALID with every mistake at once
 */
export async function loadProcess(path: string, container: Spec): Promise<LoadedProcess> {
  const { text } = await readDocument({ kind: 'process document', path });
  const accepted = accept(text, container);
  if (accepted === undefined) throw await explained(text, path, container);
  return {
    process: accepted.process,
    warnings: await places(accepted.warnings, text, path),
    locate: (pointer) => placeOf(text, path, inFile(pointer)),
  };
}

/** All in one walk through the text, which is loaded only when there is something to say. */
async function places(warnings: readonly Finding[], text: string, path: string): Promise<readonly PlacedFinding[]> {
  if (warnings.length === 0) return [];
  const { placed } = await import('./placed.ts');
  const inText = warnings.map((warning) => ({ ...warning, pointer: inFile(warning.pointer) }));
  return placed(inText, text, path);
}

interface Accepted {
  readonly process: Process;
  readonly warnings: readonly Finding[];
}

function accept(text: string, container: Spec): Accepted | undefined {
  const document = parsed(text);
  const spec: unknown = { ...container, process: document };
  if (document === undefined || !validate(spec) || spec.process === undefined) return undefined;
  const findings = checkRules(spec, text).filter(aboutProcess);
  return findings.some(isError) ? undefined : { process: spec.process, warnings: findings };
}

function parsed(text: string): unknown {
  try {
    return parseJson(text);
  } catch {
    return undefined; // explained() tells where the text is malformed
  }
}

const aboutProcess = ({ pointer }: Finding): boolean => pointer === '/process' || pointer.startsWith('/process/');

/** The file holds what stands at /process in a configuration. */
const inFile = (pointer: string): string => pointer.replace(/^\/process/, '');

async function explained(text: string, path: string, container: Spec): Promise<Error> {
  const [{ validateConfig }, { explainDepth, explainMalformed }, { configError }] = await Promise.all([
    import('./validate.ts'),
    import('./malformed.ts'),
    import('./report.ts'),
  ]);
  const deep = explainDepth(text, path);
  if (deep !== undefined) return configError([deep], path);
  if (parsed(text) === undefined) return configError([explainMalformed(text, path)], path);
  const { process: _, ...rest } = container;
  // One line before the text, so that only the columns of its first line differ.
  const before = `${JSON.stringify(rest).slice(0, -1)},"process":`;
  const findings = await validateConfig(`${before}${text}}`, path, 'errors');
  const own = findings.filter((finding) => isError(finding) && (aboutProcess(finding) || finding.count !== undefined));
  return configError(
    own.map((finding) => moved(finding, before.length)),
    path,
  );
}

function moved(finding: PlacedFinding, columns: number): PlacedFinding {
  const { line = 1, column = 1, file } = finding.place;
  const pointer = inFile(finding.pointer);
  return { ...finding, pointer, place: { file, pointer, line, column: line === 1 ? column - columns : column } };
}
