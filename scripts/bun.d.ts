/** The part of Bun's own interface that the build uses; the whole of it would change the types of Node.js. */
declare module 'bun' {
  interface Resolved {
    readonly path: string;
    readonly external?: boolean;
  }

  interface PluginBuilder {
    onResolve(
      which: { readonly filter: RegExp },
      resolve: (asked: { readonly path: string; readonly importer: string }) => Resolved | undefined,
    ): void;
  }

  export interface BunPlugin {
    readonly name: string;
    readonly setup: (build: PluginBuilder) => void;
  }

  export interface BuildOptions {
    readonly entrypoints: readonly string[];
    readonly outdir: string;
    readonly target: 'browser';
    readonly modulePreload: boolean;
    readonly format: 'esm';
    readonly splitting: boolean;
    readonly naming: { readonly entry: string };
    readonly minify: { readonly whitespace: boolean; readonly syntax: boolean; readonly identifiers: boolean };
    readonly plugins: readonly BunPlugin[];
  }

  export interface BuildResult {
    readonly success: boolean;
    readonly logs: readonly Error[];
    readonly outputs: readonly { readonly path: string }[];
  }

  export function build(options: BuildOptions): Promise<BuildResult>;
}
