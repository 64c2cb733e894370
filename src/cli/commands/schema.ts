import { writeFileSync } from 'node:fs';
import { pipelineJsonSchema } from '../../dsl/reference/json-schema.ts';
import { stages } from '../../stages/index.ts';
import { exitCodes, type ExitCode } from '../exit-codes.ts';
import { print } from '../output.ts';

export function schema(options: { readonly out?: string }): ExitCode {
  const text = `${JSON.stringify(pipelineJsonSchema(stages), null, 2)}\n`;
  if (options.out === undefined) print(text);
  else writeFileSync(options.out, text);
  return exitCodes.ok;
}
