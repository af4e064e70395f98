/** What the table says, in words: the same on help pages, in the manual and in completion. */
import type { CommandRow, OptionRow, PositionalRow } from './table.ts';

export const introduction = 'tsrunc runs OCI containers.';

export const overviewExamples: CommandRow['examples'] = [
  ['tsrunc spec', 'write a config.json; then put a root file system into the folder "rootfs"'],
  ['tsrunc run demo', 'run that bundle as the container "demo"'],
];

export const positionalName = ({ name, required }: PositionalRow): string => (required ? `<${name}>` : `[${name}]`);

/** "exec", "[options]", "<container-id>", "[command]", "..." */
export function synopsisWords({ name, options, positionals, rest }: CommandRow): readonly string[] {
  return [
    name,
    ...(options.length > 0 ? ['[options]'] : []),
    ...positionals.map(positionalName),
    ...(rest === undefined ? [] : [positionalName(rest), '...']),
  ];
}

export const isShown = ({ hidden }: OptionRow): boolean => hidden !== true;

export function describe({ about, choices, fallback, fallbackAbout }: OptionRow): string {
  const standard = fallbackAbout ?? fallback;
  return [
    about,
    ...(choices === undefined ? [] : [`: ${choices.join(', ')}`]),
    ...(standard === undefined ? [] : [` (default: ${standard})`]),
  ].join('');
}
