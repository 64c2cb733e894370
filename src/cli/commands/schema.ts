import { writeFileSync } from 'node:fs';
import { pipelineJsonSchema } from '../../dsl/reference/json-schema.ts';
import { exitCodes, type ExitCode, UsageError } from '../exit-codes.ts';
import { print } from '../output.ts';
import { stagesOfProject } from '../project.ts';

/**
 * Prints or writes the schema of pipelines in this project, with the stages of its plugins. A file is not
 * replaced by a schema that lacks some of them: throws `UsageError`.
 */
export async function schema(options: { readonly out?: string }): Promise<ExitCode> {
  const { registry, broken } = await stagesOfProject();
  if (options.out !== undefined && broken.length > 0) {
    throw new UsageError(
      `${options.out} is left as it is, because the schema would lack stages of plugins`,
      'correct the plugins, or take them out of package.json',
    );
  }
  const text = `${JSON.stringify(pipelineJsonSchema(registry), null, 2)}\n`;
  if (options.out === undefined) print(text);
  else writeFileSync(options.out, text);
  return exitCodes.ok;
}
