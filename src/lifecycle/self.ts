/**
 * The command that runs this very program again: the compiled executable alone, or node with our entry file. Known from
 * the engine, never from PATH or the working directory.
 */
export function selfCommand(): readonly string[] {
  const entry = process.argv[1];
  const compiled = import.meta.url.includes('/$bunfs/');
  return compiled || entry === undefined ? [process.execPath] : [process.execPath, ...process.execArgv, entry];
}
