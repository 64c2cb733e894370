import { appendFileSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { pipelineJsonSchema } from '../../dsl/reference/json-schema.ts';
import { exitCodes, type ExitCode, UsageError } from '../exit-codes.ts';
import { packageFolder } from '../package-folder.ts';
import { print } from '../output.ts';
import { stagesOfProject } from '../project.ts';

/** Template name → file of pipelines/. */
const templates: Readonly<Record<string, string>> = { mnist: 'quickstart.yaml' };

/** Writes a first pipeline, the schema that editors complete it with, and a .gitignore line for the cache. */
export async function init(
  folder: string | undefined,
  options: { readonly template: string; readonly force?: boolean },
): Promise<ExitCode> {
  const template = Object.hasOwn(templates, options.template) ? templates[options.template] : undefined;
  if (template === undefined) {
    throw new UsageError(
      `unknown template '${options.template}'`,
      `use ${Object.keys(templates).join(', ')}`,
    );
  }
  const target = resolve(folder ?? '.');
  const pipeline = join(target, 'pipeline.yaml');
  if (existsSync(pipeline) && options.force !== true) {
    throw new UsageError(`${pipeline} already exists`, 'give another folder, or --force to overwrite it');
  }
  mkdirSync(target, { recursive: true });
  const text = readFileSync(join(packageFolder(), 'pipelines', template), 'utf8')
    .replaceAll('../results/', 'results/')
    .replaceAll('../schemas/', '');
  writeFileSync(pipeline, text);
  const { registry } = await stagesOfProject();
  writeFileSync(
    join(target, 'pipeline.schema.json'),
    `${JSON.stringify(pipelineJsonSchema(registry), null, 2)}\n`,
  );
  const ignore = join(target, '.gitignore');
  const ignored = existsSync(ignore) ? readFileSync(ignore, 'utf8') : '';
  if (!ignored.split('\n').includes('.ravelin/')) {
    appendFileSync(ignore, `${ignored === '' || ignored.endsWith('\n') ? '' : '\n'}.ravelin/\n`);
  }
  print(`${pipeline}\n\nnext:  ravelin run ${join(folder ?? '.', 'pipeline.yaml')}`);
  return exitCodes.ok;
}
