/**
 * Which tests prove which fields of the configuration. A test, or a group of them, says so in a comment right above it:
 *
 *   // Covers /process/scheduler/{policy,nice} /process/ioPriority
 *   describe('scheduler', () => {
 *
 * in the patterns of src/config/coverage.ts; a pattern means everything below it, too.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import ts from 'typescript';
import { expand } from '../../src/config/coverage.ts';
import { repository } from './host.ts';

export interface Cover {
  /** JSON pointer with * for any item or name, without braces. */
  readonly field: string;
  /** Path in the repository. */
  readonly file: string;
  /** Title of the test or the group. */
  readonly title: string;
}

const testFiles = (): string[] =>
  ['src', 'test']
    .flatMap((folder) =>
      readdirSync(join(repository, folder), { recursive: true, encoding: 'utf8' }).map((name) => join(folder, name)),
    )
    .filter((name) => name.endsWith('.test.ts'))
    .sort();

/** @throws where a comment does not stand above a test */
export const covers = (): readonly Cover[] => testFiles().flatMap(coversOf);

function coversOf(file: string): Cover[] {
  const text = readFileSync(join(repository, file), 'utf8');
  const source = ts.createSourceFile(file, text, ts.ScriptTarget.Latest);
  const found: Cover[] = [];
  let seen = 0;
  const visit = (node: ts.Node): void => {
    if (ts.isExpressionStatement(node)) {
      const lines = linesAbove(node, text);
      seen += lines.length;
      const title = titleOf(node.expression);
      for (const field of lines.flatMap((line) => line.split(' ')).flatMap(expand)) {
        if (title === undefined) throw new Error(`${file}: "Covers ${field}" stands above something without a title`);
        found.push({ field, file, title });
      }
    }
    ts.forEachChild(node, visit);
  };
  visit(source);
  const written = text.match(/^ *\/\/ Covers \//gm)?.length ?? 0;
  if (seen < written) throw new Error(`${file}: a "Covers" comment does not stand above a test`);
  return found;
}

/** What the comments right above a statement cover. */
function linesAbove(statement: ts.Statement, text: string): string[] {
  const comments = ts.getLeadingCommentRanges(text, statement.pos) ?? [];
  return comments.flatMap(({ pos, end }) => /^\/\/ Covers (\/.*)$/.exec(text.slice(pos, end))?.[1] ?? []);
}

/** The title in describe('title'), test.skipIf(...)('title'), test.for([...])('title'). */
function titleOf(expression: ts.Expression): string | undefined {
  if (!ts.isCallExpression(expression) || !/^(describe|test)\b/.test(nameOf(expression.expression))) return undefined;
  const [first] = expression.arguments;
  return first !== undefined && ts.isStringLiteralLike(first) ? first.text : undefined;
}

function nameOf(expression: ts.Expression): string {
  if (ts.isIdentifier(expression)) return expression.text;
  if (ts.isCallExpression(expression) || ts.isPropertyAccessExpression(expression))
    return nameOf(expression.expression);
  return '';
}
