/** Help pages, in lines of any length: the table, laid out by yargs when tsrunc is built. */
import yargs, { type Argv } from 'yargs';
import { type CommandRow, commands, globalOptions, type OptionRow } from './table.ts';
import { describe, introduction, isShown, overviewExamples, positionalName, synopsisWords } from './wording.ts';

type Section = (page: Argv) => Argv;

/** The page of `tsrunc help`. */
export function overview(): Promise<string> {
  const groups = [...new Set(commands.map(({ group }) => group))];
  const lists = groups.map((group) =>
    commandList(
      group,
      commands.filter((row) => row.group === group),
    ),
  );
  return layOut([
    (page) => page.usage(`${introduction}\n\nUsage: tsrunc [options] <command> [command options] [arguments]`),
    ...lists,
    optionList('Options, before the command:', globalOptions),
    exampleList(overviewExamples),
    (page) => page.epilogue('"tsrunc help <command>" explains a command.'),
  ]);
}

/** The page of one command. */
export function commandPage(row: CommandRow): Promise<string> {
  const { about, details, options, examples } = row;
  const positionals = row.rest === undefined ? row.positionals : [...row.positionals, row.rest];
  const text = details === undefined ? `${about}.` : `${about}.\n${details}`;
  return layOut([
    (page) => page.usage(`Usage: tsrunc [global options] ${synopsisWords(row).join(' ')}\n\n${text}`),
    argumentList(positionals),
    optionList('Options:', options),
    exampleList(examples),
    (page) => page.epilogue('"tsrunc help" lists the global options.'),
  ]);
}

/**
 * Each section is a page of its own to yargs, which otherwise has one fixed order; one after the other, because its
 * strings are shared by all instances. Its own wrapping cuts words in two, so it is told not to wrap.
 */
async function layOut(sections: readonly Section[]): Promise<string> {
  const texts: string[] = [];
  for (const section of sections) {
    const text = await section(blankPage()).wrap(null).getHelp();
    texts.push(text.replace(/^\n+/, ''));
  }
  return `${texts.filter((text) => text !== '').join('\n\n')}\n`;
}

/** An instance that only lays out: it parses nothing, and is told what it would look up (version, language). */
const blankPage = (): Argv =>
  yargs([])
    .scriptName('')
    .usage('')
    .help(false)
    .version(false)
    .locale('en')
    .parserConfiguration({ 'camel-case-expansion': false, 'boolean-negation': false });

function commandList(title: string, rows: readonly CommandRow[]): Section {
  // All lists of the page get the same width, so that their texts line up.
  const width = Math.max(...commands.map(({ name }) => name.length));
  return (page) => {
    page.updateStrings({ 'Commands:': `${title}:` });
    for (const { name, about } of rows) page.command(name.padEnd(width), about);
    return page;
  };
}

function argumentList(rows: CommandRow['positionals']): Section {
  return (page) => {
    // What yargs calls positionals; it shows the members of the group with that name without dashes.
    page.updateStrings({ 'Positionals:': 'Arguments:' });
    for (const row of rows) page.group(positionalName(row), 'Arguments:').describe(positionalName(row), row.about);
    return page;
  };
}

/** yargs has no place for the name of an option's value, but takes any text as the option's name. */
function optionList(title: string, rows: readonly OptionRow[]): Section {
  return (page) => {
    for (const row of rows.filter(isShown)) {
      const key = row.value === undefined ? row.long : `${row.long} ${row.value}`;
      page.option(key, {
        group: title,
        describe: describe(row),
        ...(row.short === undefined ? {} : { alias: row.short }),
      });
    }
    return page;
  };
}

function exampleList(examples: CommandRow['examples']): Section {
  return (page) => {
    for (const [command, meaning] of examples) page.example(command, meaning);
    return page;
  };
}
