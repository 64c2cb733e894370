/**
 * What the architecture tests know of a source file: its imports and the lengths of its functions, read by
 * the TypeScript compiler.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';

const folder = fileURLToPath(new URL('../../src', import.meta.url));

export interface SourceFile {
  /** From `src/`. */
  readonly path: string;
  readonly lines: number;
  readonly imports: readonly Import[];
  readonly functions: readonly { readonly name: string; readonly lines: number }[];
  /** Whether it calls `JSON.parse`. */
  readonly parsesJson: boolean;
  /** Places that print by themselves, as written: `console.log`, `process.stdout`, `io.stderr.write`. */
  readonly prints: readonly string[];
}

export interface Import {
  /** As written: a package, or a relative path. */
  readonly target: string;
  /** From `src/`; undefined for a package. */
  readonly file: string | undefined;
  /** `import('…')` as an expression. */
  readonly dynamic: boolean;
  /** Leaves nothing behind when it is compiled. */
  readonly typeOnly: boolean;
}

/** Every source file, in the order of their paths. */
export function readSources(): readonly SourceFile[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && /\.tsx?$/.test(entry.name))
    .map((entry) => relative(folder, join(entry.parentPath, entry.name)))
    .sort()
    .map((path) => readSource(path, readFileSync(join(folder, path), 'utf8')));
}

/** Reads one file. `path` is from `src/`. */
export function readSource(path: string, text: string): SourceFile {
  const source = ts.createSourceFile(path, text, ts.ScriptTarget.Latest, true);
  const imports: Import[] = [];
  const functions: SourceFile['functions'][number][] = [];
  let parsesJson = false;
  const prints: string[] = [];
  const visit = (node: ts.Node): void => {
    if (ts.isPropertyAccessExpression(node) && node.getText() === 'JSON.parse') parsesJson = true;
    const found = importOf(node);
    if (found !== undefined) imports.push({ ...found, file: fileOf(path, found.target) });
    if (isPrinting(node)) prints.push(node.getText());
    if (ts.isFunctionLike(node) && 'body' in node && node.body !== undefined) {
      const lineOf = (position: number): number => source.getLineAndCharacterOfPosition(position).line;
      functions.push({ name: nameOf(node), lines: lineOf(node.end) - lineOf(node.getStart()) + 1 });
    }
    ts.forEachChild(node, visit);
  };
  visit(source);
  return { path, lines: text.split('\n').length, imports, functions, parsesJson, prints };
}

/**
 * Whether this reaches for the console: anything of `console`, or the `write` of something called stdout or
 * stderr; and `process.stdout` and `process.stderr`, which could get another name.
 */
function isPrinting(node: ts.Node): boolean {
  if (!ts.isPropertyAccessExpression(node) && !ts.isElementAccessExpression(node)) return isTakenApart(node);
  const owner = node.expression;
  const name = ts.isPropertyAccessExpression(node)
    ? node.name.text
    : ts.isStringLiteralLike(node.argumentExpression)
      ? node.argumentExpression.text
      : '';
  if (ts.isIdentifier(owner) && owner.text === 'console') return true;
  if (ts.isIdentifier(owner) && owner.text === 'process') return isConsoleStream(name);
  const ownerName = ts.isPropertyAccessExpression(owner) ? owner.name : owner;
  return name === 'write' && ts.isIdentifier(ownerName) && isConsoleStream(ownerName.text);
}

/** `const { stdout } = process` and `const { log } = console`. */
function isTakenApart(node: ts.Node): boolean {
  if (!ts.isVariableDeclaration(node) || !ts.isObjectBindingPattern(node.name)) return false;
  const from = node.initializer;
  if (from === undefined || !ts.isIdentifier(from)) return false;
  if (from.text === 'console') return true;
  return (
    from.text === 'process' &&
    node.name.elements.some((element) => isConsoleStream((element.propertyName ?? element.name).getText()))
  );
}

function isConsoleStream(name: string): boolean {
  return name === 'stdout' || name === 'stderr';
}

function importOf(node: ts.Node): Omit<Import, 'file'> | undefined {
  if (ts.isImportDeclaration(node)) {
    return {
      target: textOf(node.moduleSpecifier),
      dynamic: false,
      typeOnly: node.importClause?.phaseModifier === ts.SyntaxKind.TypeKeyword,
    };
  }
  if (ts.isExportDeclaration(node) && node.moduleSpecifier !== undefined)
    return { target: textOf(node.moduleSpecifier), dynamic: false, typeOnly: node.isTypeOnly };
  if (ts.isCallExpression(node) && node.expression.kind === ts.SyntaxKind.ImportKeyword)
    return { target: textOf(node.arguments[0]!), dynamic: true, typeOnly: false };
  if (ts.isImportTypeNode(node) && ts.isLiteralTypeNode(node.argument))
    return { target: textOf(node.argument.literal), dynamic: false, typeOnly: true };
  return undefined;
}

function textOf(node: ts.Node): string {
  return ts.isStringLiteralLike(node) ? node.text : '';
}

/** AssemblyScript imports `./vectors.as` and means `./vectors.as.ts`. */
function fileOf(importer: string, target: string): string | undefined {
  if (!target.startsWith('.')) return undefined;
  const path = relative(folder, resolve(folder, dirname(importer), target));
  return path.endsWith('.as') ? `${path}.ts` : path;
}

/** The name of a function, or of what it is the value of. */
function nameOf(node: ts.SignatureDeclaration): string {
  const named = node.name ?? (node.parent as ts.NamedDeclaration).name;
  return ts.isConstructorDeclaration(node) ? 'constructor' : (named?.getText() ?? 'anonymous');
}

/**
 * Groups of names that reach one another along the arrows, each sorted; a name that only reaches itself is
 * none.
 */
export function circlesOf(arrows: ReadonlyMap<string, readonly string[]>): string[][] {
  const reached = new Map([...arrows.keys()].map((name) => [name, reachableFrom(name, arrows)]));
  const circles = new Map<string, string[]>();
  for (const [name, others] of reached) {
    const circle = [...others].filter((other) => reached.get(other)?.has(name) === true).sort();
    if (circle.length > 1) circles.set(circle.join(' '), circle);
  }
  return [...circles.values()].sort((a, b) => (a[0]! < b[0]! ? -1 : 1));
}

/** Every name at the end of a path of one arrow or more. */
export function reachableFrom(
  start: string,
  arrows: ReadonlyMap<string, readonly string[]>,
): ReadonlySet<string> {
  const reached = new Set<string>();
  const queue = [...(arrows.get(start) ?? [])];
  for (let name = queue.pop(); name !== undefined; name = queue.pop()) {
    if (reached.has(name)) continue;
    reached.add(name);
    queue.push(...(arrows.get(name) ?? []));
  }
  return reached;
}
