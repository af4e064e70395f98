import { expect, test } from 'vitest';
import { commandPage, overview } from './help-layout.ts';
import { commands, globalOptions } from './table.ts';

test('the overview names every command and every global option', async () => {
  const text = await overview();
  for (const { name, about } of commands) expect(text).toMatch(new RegExp(`^  ${name} +${about}$`, 'm'));
  for (const { long } of globalOptions) expect(text).toContain(`--${long}`);
});

test.each(commands.map((row) => [row.name, row] as const))(
  'the page of %s names its arguments and options',
  async (_, row) => {
    const text = await commandPage(row);
    expect(text.startsWith(`Usage: tsrunc [global options] ${row.name}`)).toBe(true);
    for (const { name } of row.positionals) expect(text).toMatch(new RegExp(`^  [<[]${name}[>\\]]  `, 'm'));
    for (const option of row.options) {
      const pattern = new RegExp(`^ +(-. ?, |)--${option.long}( |$)`, 'm');
      if ('hidden' in option) expect(text).not.toMatch(pattern);
      else expect(text).toMatch(pattern);
    }
  },
);
