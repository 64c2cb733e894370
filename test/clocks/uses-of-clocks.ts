import ts from 'typescript';

/** What a test must not do, because its outcome would then depend on how busy the machine is. */
export type UseOfClocks = 'sleeps' | 'measures time' | 'has a limit of its own';

const clocks = [
  'Date.now',
  'performance.now',
  'process.cpuUsage',
  'process.hrtime',
  'process.hrtime.bigint',
  'process.uptime',
];
const processorTimes = ['userCPUTime', 'systemCPUTime'];
const testFunctions = /^(it|test|describe|beforeAll|beforeEach|afterAll|afterEach)\b/;

/** Returns the uses of clocks in a file with their lines. */
export function usesOfClocks(
  path: string,
  text: string,
): readonly { readonly line: number; readonly use: UseOfClocks }[] {
  const source = ts.createSourceFile(path, text, ts.ScriptTarget.Latest, true);
  const found: { line: number; use: UseOfClocks }[] = [];
  const visit = (node: ts.Node): void => {
    const use = useOf(node);
    if (use !== undefined)
      found.push({ line: source.getLineAndCharacterOfPosition(node.getStart()).line + 1, use });
    ts.forEachChild(node, visit);
  };
  visit(source);
  return found;
}

function useOf(node: ts.Node): UseOfClocks | undefined {
  if (ts.isImportDeclaration(node))
    return /["'](node:)?timers(\/promises)?["']/.test(node.moduleSpecifier.getText()) ? 'sleeps' : undefined;
  if (ts.isCallExpression(node)) {
    const called = node.expression.getText();
    if (/^(global(This)?\.)?set(Timeout|Interval)$|^Atomics\.wait$/.test(called)) return 'sleeps';
    if (/^vi\.wait(For|Until)$|^expect\.poll$/.test(called)) return 'has a limit of its own';
    const last = node.arguments.at(-1);
    if (testFunctions.test(called) && node.arguments.length > 1 && last !== undefined && isNumber(last))
      return 'has a limit of its own';
  }
  // A stage that only waits makes a test of the command line sleep.
  if (ts.isStringLiteralLike(node) || ts.isTemplateHead(node) || ts.isTemplateMiddleOrTemplateTail(node)) {
    if (/debug\/sleep[^]*\bms: *[1-9$]|^debug\/sleep$/.test(node.text)) return 'sleeps';
  }
  if (ts.isPropertyAccessExpression(node)) {
    if (clocks.includes(node.getText())) return 'measures time';
    if (processorTimes.includes(node.name.text)) return 'measures time';
  }
  if (ts.isPropertyAssignment(node) && node.name.getText() === 'timeout' && isNumber(node.initializer))
    return 'has a limit of its own';
  return undefined;
}

function isNumber(node: ts.Node): boolean {
  return (
    ts.isNumericLiteral(node) || (ts.isBinaryExpression(node) && isNumber(node.left) && isNumber(node.right))
  );
}
