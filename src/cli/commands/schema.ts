import { pipelineJsonSchema } from '../../dsl/reference/json-schema.ts';
import { writeWhole } from '../../files/write-whole.ts';
import { networkJsonSchema } from '../../models/network-file/schema.ts';
import { exitCodes, type ExitCode, UsageError } from '../exit-codes.ts';
import { print } from '../output.ts';
import { stagesOfProject } from '../project.ts';

/**
 * Prints or writes the schema of network files, or of pipelines in this project, with the stages of its plugins. A file is not
 * replaced by a schema that lacks some of them: throws `UsageError`.
 */
export async function schema(options: {
  readonly of?: 'pipeline' | 'network';
  readonly out?: string;
}): Promise<ExitCode> {
  if (options.of === 'network') return write(networkJsonSchema(), options.out);
  const { registry, broken } = await stagesOfProject();
  if (options.out !== undefined && broken.length > 0) {
    throw new UsageError(
      `${options.out} was not changed, because the schema would lack the stages of plugins`,
      'correct the plugins, or take them out of package.json',
    );
  }
  return write(pipelineJsonSchema(registry), options.out);
}

function write(value: object, out: string | undefined): ExitCode {
  const text = `${JSON.stringify(value, null, 2)}\n`;
  if (out === undefined) print(text);
  else writeWhole(out, text);
  return exitCodes.ok;
}
