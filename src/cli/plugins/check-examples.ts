import { DiagnosticSink } from '../../dsl/diagnostics/sink.ts';
import { sourceFile } from '../../dsl/diagnostics/source.ts';
import type { JsonSchema } from '../../dsl/schema/json-schema-types.ts';
import { checkAgainst } from '../../dsl/schema/validator.ts';
import { parseDocument } from '../../dsl/text/parse-document.ts';
import type { Stage } from '../../runtime/stage.ts';
import { PluginError } from './plugin-error.ts';

/**
 * Checks the example of each stage that has one, as the parameters of a pipeline are checked. Throws a
 * `PluginError` about the first that is wrong. A run needs no example; `ravelin test` reports a missing one.
 */
export function checkExamples(stages: readonly Stage[], plugin: string): void {
  for (const stage of stages) {
    const problem = stage.example === undefined ? null : exampleProblem(stage);
    if (problem === null) continue;
    throw new PluginError({
      message: `the example of ${stage.uses} in the plugin '${plugin}' is wrong: ${problem}`,
      fix: `write example: { … } in the declaration, with valid values of the parameters that have no default`,
    });
  }
}

/** Returns the error of a stage's example, null if it has none. The example is read as a pipeline would be. */
export function exampleProblem({ uses, example = {}, with: schema, check }: Stage): string | null {
  const sink = new DiagnosticSink();
  const located = parseDocument(sourceFile('example', JSON.stringify(example)), sink);
  if (located === undefined) return 'it is not a list of parameters';
  const subject = {
    owner: uses,
    noun: 'parameter',
    unknownCode: 'unknown-param',
    missingCode: 'missing-param',
    missingAt: located.at,
  } as const;
  const filled = checkAgainst(schema as JsonSchema, located, subject, sink);
  const [error] = sink.diagnostics;
  if (error !== undefined) return error.message;
  try {
    return check?.(filled as never)[0]?.message ?? null;
  } catch (error) {
    return `its check throws ${String(error)}`;
  }
}
