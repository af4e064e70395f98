/** Work on a bundle, and tsrunc itself. */
import type { CommandRow } from './rows.ts';

export const otherCommands = [
  {
    name: 'spec',
    group: 'Work on a bundle',
    about: 'Write a config.json to begin with',
    details: 'Writes config.json for a shell in the folder "rootfs" beside it. An existing file is never overwritten.',
    positionals: [],
    options: [
      {
        long: 'bundle',
        short: 'b',
        type: 'text',
        value: 'DIR',
        about: 'write to this folder',
        fallbackAbout: 'the current folder',
      },
      {
        long: 'config',
        short: 'f',
        type: 'text',
        value: 'FILE',
        about: 'write to this file, relative to the folder',
        fallback: 'config.json',
      },
      { long: 'rootless', type: 'flag', about: 'for a container that an ordinary user runs: you, now' },
    ],
    examples: [
      ['tsrunc spec', 'write config.json here'],
      ['tsrunc spec --rootless --bundle ~/demo', 'one that needs no root'],
    ],
  },
  {
    name: 'validate',
    group: 'Work on a bundle',
    about: 'Report every mistake of a config.json at once',
    details: 'Prints each error and warning with its line. Ends with 1 when there is an error.',
    positionals: [
      {
        name: 'path',
        required: false,
        about: 'the bundle or its config.json (default: the current folder)',
        offers: 'files',
      },
    ],
    options: [],
    examples: [['tsrunc validate /srv/web', 'check /srv/web/config.json']],
  },
  {
    name: 'plan',
    group: 'Work on a bundle',
    about: 'Print what would be done in the kernel, step by step',
    details: 'Compiles the bundle for this host and prints the plan. Nothing is changed.',
    positionals: [
      { name: 'bundle', required: false, about: 'the bundle (default: the current folder)', offers: 'directories' },
    ],
    options: [{ long: 'json', type: 'flag', about: 'print the plan as JSON' }],
    examples: [['tsrunc plan /srv/web', 'see the steps in order']],
  },
  {
    name: 'features',
    group: 'About tsrunc',
    about: 'Print what this version can do, as JSON',
    details: 'The features document of the runtime-spec: engines ask for it before they use a feature.',
    positionals: [],
    options: [],
    examples: [],
  },
  {
    name: 'completion',
    group: 'About tsrunc',
    about: 'Print a script that completes command lines in a shell',
    details:
      'The script completes commands, options, their values, and the names of the containers that a command can be used on. It asks tsrunc itself each time: whatever follows the shell is a command line without its first word, and what its last word can become is printed.',
    positionals: [{ name: 'shell', required: true, about: 'bash, zsh or fish', offers: 'shells' }],
    rest: { name: 'words', required: false, about: 'complete the last of these; the script does that' },
    options: [],
    examples: [
      ['. <(tsrunc completion bash)', 'complete in this bash'],
      ['tsrunc completion fish > ~/.config/fish/completions/tsrunc.fish', 'complete in every fish to come'],
    ],
  },
  {
    name: 'help',
    group: 'About tsrunc',
    about: 'Explain a command',
    positionals: [{ name: 'command', required: false, about: 'the command to explain', offers: 'commands' }],
    options: [],
    examples: [['tsrunc help run', 'every option of run']],
  },
  {
    name: 'version',
    group: 'About tsrunc',
    about: 'Print the version',
    positionals: [],
    options: [],
    examples: [],
  },
] as const satisfies readonly CommandRow[];
