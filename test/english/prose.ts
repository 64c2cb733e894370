/** The text that people read: comments, string literals and templates of source files, and pages of Markdown. */
import ts from 'typescript';

export interface Prose {
  readonly kind: 'docstring' | 'comment' | 'literal' | 'page';
  /** Signs that are not part of the text, such as those of comments and escapes, are blanks. */
  readonly text: string;
  /** Offset of `text` in the file. */
  readonly start: number;
}

/** Returns the comments, literals and JSX texts of a source file, without the names of imported modules. */
export function proseOf(path: string, text: string): readonly Prose[] {
  const source = ts.createSourceFile(path, text, ts.ScriptTarget.Latest, true);
  const literals: Prose[] = [];
  const comments = new Map<number, ts.CommentRange>();
  const visit = (node: ts.Node): void => {
    if (isLiteral(node) && !isModuleName(node)) {
      const start = node.getStart();
      literals.push({ kind: 'literal', text: withoutEscapes(text.slice(start, node.end)), start });
    }
    if (!ts.isJsxText(node)) for (const range of commentsAround(text, node)) comments.set(range.pos, range);
    node.getChildren().forEach(visit);
  };
  visit(source);
  return [...literals, ...joined([...comments.values()], text).map((range) => commentOf(range, text))];
}

export function lineOf(text: string, offset: number): number {
  return text.slice(0, offset).split('\n').length;
}

function isLiteral(node: ts.Node): boolean {
  return (
    ts.isStringLiteralLike(node) ||
    ts.isTemplateHead(node) ||
    ts.isTemplateMiddleOrTemplateTail(node) ||
    ts.isJsxText(node)
  );
}

function isModuleName({ parent }: ts.Node): boolean {
  return ts.isImportDeclaration(parent) || ts.isExportDeclaration(parent);
}

/** Makes blanks of `\n` and other escapes, so that the letter after the backslash begins no word. */
function withoutEscapes(text: string): string {
  return text.replaceAll(/\\[^]/g, '  ');
}

function commentsAround(text: string, node: ts.Node): readonly ts.CommentRange[] {
  return [
    ...(ts.getLeadingCommentRanges(text, node.pos) ?? []),
    ...(ts.getTrailingCommentRanges(text, node.end) ?? []),
  ];
}

/** Joins `//` comments of successive lines, because a sentence may go on from one to the next. */
function joined(ranges: readonly ts.CommentRange[], text: string): readonly ts.CommentRange[] {
  const result: ts.CommentRange[] = [];
  for (const range of ranges.toSorted((a, b) => a.pos - b.pos)) {
    const last = result.at(-1);
    const isNext = last !== undefined && /^\n[ \t]*$/.test(text.slice(last.end, range.pos));
    if (isNext && range.kind === ts.SyntaxKind.SingleLineCommentTrivia && last.kind === range.kind)
      result[result.length - 1] = { ...last, end: range.end };
    else result.push(range);
  }
  return result;
}

function commentOf({ pos, end }: ts.CommentRange, text: string): Prose {
  const comment = text.slice(pos, end);
  const blanked = comment.replaceAll(/\/\*+|\*\/|^\s*\*|\/\//gm, (signs) => signs.replaceAll(/[^\n]/g, ' '));
  return { kind: comment.startsWith('/**') ? 'docstring' : 'comment', text: blanked, start: pos };
}
