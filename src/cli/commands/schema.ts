import { writeFileSync } from 'node:fs';
import { pipelineJsonSchema } from '../../dsl/reference/json-schema.ts';
import { exitCodes, type ExitCode } from '../exit-codes.ts';
import { print } from '../output.ts';
import { stagesOfProject } from '../project.ts';

/** Prints or writes the schema of pipelines in this project, with the stages of its plugins. */
export async function schema(options: { readonly out?: string }): Promise<ExitCode> {
  const text = `${JSON.stringify(pipelineJsonSchema(await stagesOfProject()), null, 2)}\n`;
  if (options.out === undefined) print(text);
  else writeFileSync(options.out, text);
  return exitCodes.ok;
}
