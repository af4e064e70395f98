/**
 * bundle-engine OUT: the program for the executable's own engine, as modules of plain JavaScript in the directory OUT. What it
 * takes from Node.js comes from src/engine instead.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type BunPlugin, build } from 'bun';

const engine = join(import.meta.dirname, '../src/engine');

const replacements: Readonly<Record<string, string>> = {
  'node:fs': 'fs.ts',
  'node:net': 'net.ts',
  'node:os': 'os.ts',
  'node:path': 'path.ts',
};

const ownModules: Readonly<Record<string, string>> = {
  'src/native/load.ts': 'load.ts',
  'src/lifecycle/self.ts': 'self.ts',
  'src/native/utf8.ts': 'utf8.ts',
};

const substitutes: BunPlugin = {
  name: 'engine',
  setup(builder) {
    builder.onResolve({ filter: /^node:/ }, ({ path }) => {
      const own = replacements[path];
      return own === undefined ? { path, external: true } : { path: join(engine, own) };
    });
    builder.onResolve({ filter: /\/(load|self|utf8)\.ts$/ }, ({ path, importer }) => {
      const full = join(importer, '..', path);
      const own = Object.entries(ownModules).find(([name]) => full.endsWith(name));
      return own === undefined ? undefined : { path: join(engine, own[1]) };
    });
  },
};

const [out = ''] = process.argv.slice(2);
const { success, logs, outputs } = await build({
  entrypoints: [join(engine, 'globals.ts'), join(engine, '../main.ts')],
  outdir: out,
  naming: { entry: '[name].js' },
  target: 'browser',
  modulePreload: false,
  format: 'esm',
  splitting: true,
  // Names of functions stay: --debug prints them, and bytecode is no shorter without.
  minify: { whitespace: true, syntax: true, identifiers: false },
  plugins: [substitutes],
});
if (!success) throw new AggregateError(logs, 'cannot bundle the program');

// import() finds its module by what debuggers are told of the importing one, which the bytecode leaves out.
for (const { path } of outputs) {
  const text = readFileSync(path, 'utf8').replaceAll('import("./', 'engineNatives.load("');
  // It runs still while they load: the engine, which loads at once, would meet it half evaluated.
  if (text.includes('from"./main.js"')) throw new Error(`${path} imports the program's own entry`);
  if (/\bimport\(|\bimport\.meta\b/.test(text)) throw new Error(`${path} imports what is not known when it is built`);
  writeFileSync(path, text);
}
