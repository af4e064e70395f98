/** Pages of the manual (man(7)), made from the table of commands at build time: tsrunc.8 and one page for each command. */
import { type CommandRow, commands, globalOptions, type OptionRow } from './table.ts';
import { describe, introduction, isShown, overviewExamples, positionalName, synopsisWords } from './wording.ts';

export interface Edition {
  readonly version: string;
  /** "2026-11-21" */
  readonly date: string;
}

/** @returns the pages by the names of their files */
export const manual = (edition: Edition): ReadonlyMap<string, string> =>
  new Map([
    ['tsrunc.8', overviewPage(edition)],
    ...commands.map((row): [string, string] => [`tsrunc-${row.name}.8`, commandPage(row, edition)]),
  ]);

type Lines = readonly string[];

/**
 * Text between requests. A backslash begins an escape, and a full stop or an apostrophe at the start of a line a request;
 * \- is the minus that can be copied into a shell, and \(aq, \(ga, \(ha, \(ti are its quotes, caret and tilde.
 */
const escapeText = (text: string): string =>
  text
    .replaceAll('\\', '\\e')
    .replaceAll('-', '\\-')
    .replaceAll("'", '\\(aq')
    .replaceAll('`', '\\(ga')
    .replaceAll('^', '\\(ha')
    .replaceAll('~', '\\(ti')
    .replace(/^\./, '\\&.');

const longestLine = 80;

/** A paragraph: each sentence begins a line, as formatters want it, and none is long. */
export const paragraph = (text: string): Lines =>
  text.split(/(?<=\.) /).flatMap((part) => {
    const lines: string[] = [];
    for (const word of part.split(' ')) {
      const longer = lines.length === 0 ? word : `${lines.at(-1)} ${word}`;
      if (lines.length > 0 && escapeText(longer).length <= longestLine) lines[lines.length - 1] = longer;
      else lines.push(word);
    }
    return lines.map(escapeText);
  });

/** One argument of a request. */
const quoted = (text: string): string => `"${escapeText(text).replaceAll('"', '\\(dq')}"`;

const heading = (name: string, { version, date }: Edition): Lines => [
  '.\\" Made from the table of commands: see src/cli/man.ts.',
  `.TH ${quoted(name.toUpperCase())} 8 "${date}" ${quoted(`tsrunc ${version}`)} "Manual of tsrunc"`,
];

const section = (title: string, lines: Lines): Lines => (lines.length === 0 ? [] : [`.SH ${title}`, ...lines]);

const bold = (text: string): string => `\\fB${escapeText(text)}\\fR`;
const italic = (text: string): string => `\\fI${escapeText(text)}\\fR`;

/** A term and what it means. */
const item = (term: string, meaning: string): Lines => ['.TP', term, ...paragraph(meaning)];

const options = (rows: readonly OptionRow[]): Lines =>
  rows.filter(isShown).flatMap((row) => item(optionTerm(row), sentence(describe(row))));

function optionTerm({ long, short, value }: OptionRow): string {
  const names = [...(short === undefined ? [] : [`-${short}`]), `--${long}`].map(bold).join(', ');
  return value === undefined ? names : `${names} ${italic(value)}`;
}

const examples = (rows: CommandRow['examples']): Lines =>
  rows.flatMap(([command, about]) => item(bold(command), sentence(about)));

const sentence = (text: string): string => `${text.charAt(0).toUpperCase()}${text.slice(1)}.`;

const synopsis = (words: readonly string[]): Lines => [
  [bold('tsrunc'), ...words.map((word) => (/^[<[.]/.test(word) ? escapeText(word) : bold(word)))].join(' '),
];

const page = (...parts: readonly Lines[]): string => `${parts.flat().join('\n')}\n`;

const overviewPage = (edition: Edition): string =>
  page(
    heading('tsrunc', edition),
    section('NAME', ['tsrunc \\- run OCI containers']),
    section('SYNOPSIS', synopsis(['[options]', '<command>', '[command options]', '[arguments]'])),
    section('DESCRIPTION', [
      ...paragraph(introduction),
      ...paragraph(
        'It makes a container of a bundle: a folder with a config.json and a root file system, as the runtime-spec of the Open Container Initiative describes it. Its commands, options and output are those of runc, in whose place it can stand under containerd, podman and Docker.',
      ),
    ]),
    section('COMMANDS', commandList()),
    section('OPTIONS', ['They stand before the command.', ...options(globalOptions)]),
    section('EXIT STATUS', item('0', 'The command has done what it should.').concat(failureItem(commands[0]))),
    section('FILES', [
      ...item(italic('/run/tsrunc'), 'The state of containers: a folder for each, for root only.'),
      ...item(italic('$XDG_RUNTIME_DIR/tsrunc'), 'The same for ordinary users.'),
      ...item(italic('config.json'), 'What a container is to be; in the bundle.'),
    ]),
    section('EXAMPLES', examples(overviewExamples)),
    section('SEE ALSO', seeAlso(commands.map(({ name }) => `tsrunc-${name}`))),
  );

const groups = [...new Set(commands.map(({ group }) => group))];

const commandList = (): Lines =>
  groups.flatMap((group) => [
    `.SS ${quoted(group)}`,
    ...commands
      .filter((row) => row.group === group)
      .flatMap(({ name, about }) => item(`\\fBtsrunc\\-${escapeText(name)}\\fR(8)`, `${about}.`)),
  ]);

const commandPage = (row: CommandRow, edition: Edition): string =>
  page(
    heading(`tsrunc-${row.name}`, edition),
    section('NAME', [`tsrunc\\-${escapeText(row.name)} \\- ${escapeText(lower(row.about))}`]),
    section('SYNOPSIS', synopsis(['[global options]', ...synopsisWords(row)])),
    section('DESCRIPTION', [
      ...paragraph(`${row.about}.`),
      ...(row.details === undefined ? [] : paragraph(row.details)),
    ]),
    section('ARGUMENTS', argumentList(row)),
    section('OPTIONS', [...options(row.options), ...(row.options.some(isShown) ? ['.PP'] : []), ...globalNote]),
    section('EXIT STATUS', item('0', 'The command has done what it should.').concat(failureItem(row))),
    section('EXAMPLES', examples(row.examples)),
    section('SEE ALSO', seeAlso(['tsrunc', ...neighbours(row).map((name) => `tsrunc-${name}`)])),
  );

const lower = (text: string): string => text.charAt(0).toLowerCase() + text.slice(1);

const globalNote: Lines = ['The global options, which stand before the command, are in', '.BR tsrunc (8).'];

const argumentList = ({ positionals, rest }: CommandRow): Lines =>
  [...positionals, ...(rest === undefined ? [] : [rest])].flatMap((row) =>
    item(escapeText(positionalName(row)), sentence(row.about)),
  );

const failureItem = ({ failureStatus = 1 }: CommandRow): Lines =>
  item(String(failureStatus), 'It has not, and has said why on standard error.');

/** The commands of the same group. */
const neighbours = ({ name, group }: CommandRow): string[] =>
  commands.filter((row) => row.group === group && row.name !== name).map((row) => row.name);

const seeAlso = (pages: readonly string[]): Lines =>
  pages.map((name, index) => `.BR ${escapeText(name)} (8)${index === pages.length - 1 ? '' : ','}`);
