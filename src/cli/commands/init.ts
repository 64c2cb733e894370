import { appendFileSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { didYouMean } from '../../values/nearest.ts';
import { pipelineJsonSchema } from '../../dsl/reference/json-schema.ts';
import { shellWord } from '../../dsl/text/shell-word.ts';
import { defaultFile, findDefaultFile } from '../command-words.ts';
import { exitCodes, type ExitCode, UsageError } from '../exit-codes.ts';
import { packageFolder } from '../package-folder.ts';
import { print } from '../output.ts';
import { stagesOfProject } from '../project.ts';

/** Template name → file of pipelines/. */
const templates: Readonly<Record<string, string>> = {
  mnist: 'quickstart.yaml',
  figure: 'figure-4-mnist.yaml',
  cifar: 'adaptive-cifar.yaml',
  imagenet: 'defenses-imagenet.yaml',
};

/** The lines of .gitignore: what can be computed or downloaded again. */
const ignoredFolders = ['.ravelin/', 'data/', 'weights/', 'results/', 'node_modules/'];

/**
 * Writes a first pipeline, the schema that editors complete it with, and lines of .gitignore for what can be
 * computed or downloaded again.
 */
export async function init(
  folder: string | undefined,
  options: { readonly template: string; readonly force?: boolean },
): Promise<ExitCode> {
  const template = Object.hasOwn(templates, options.template) ? templates[options.template] : undefined;
  if (template === undefined) {
    throw new UsageError(
      `unknown template '${options.template}'${didYouMean(options.template, Object.keys(templates))}`,
      'use mnist, figure, cifar or imagenet',
    );
  }
  const target = resolve(folder ?? '.');
  const pipeline = join(target, defaultFile);
  const existing = findDefaultFile(target);
  if (existing !== null && options.force !== true) {
    throw new UsageError(
      `${join(target, existing)} already exists`,
      `give another folder, or --force to write ${defaultFile}`,
    );
  }
  mkdirSync(target, { recursive: true });
  const text = readFileSync(join(packageFolder(), 'pipelines', template), 'utf8')
    .replaceAll('../schemas/', '')
    .replaceAll(`ravelin run pipelines/${template}`, 'ravelin run')
    // The pipelines are in a folder of this repository, and the new one is at the top of its project.
    .replaceAll('../', '');
  writeFileSync(pipeline, text);
  const { registry } = await stagesOfProject();
  writeFileSync(join(target, 'pipeline.schema.json'), `${JSON.stringify(pipelineJsonSchema(registry))}\n`);
  ignore(join(target, '.gitignore'));
  print(`${pipeline}

next:  ${folder === undefined ? '' : `cd ${shellWord(folder)} && `}ravelin run${text.includes('smoke:') ? ' -p smoke' : ''}
plugins:  ravelin new attack my-attack   writes one with its test, and a package.json that allows it`);
  return exitCodes.ok;
}

function ignore(path: string): void {
  const before = existsSync(path) ? readFileSync(path, 'utf8') : '';
  const known = new Set(before.split('\n').map((line) => line.trim().replace(/^\//, '')));
  const missing = ignoredFolders.filter((line) => !known.has(line) && !known.has(line.replace(/\/$/, '')));
  if (missing.length === 0) return;
  appendFileSync(path, `${before === '' || before.endsWith('\n') ? '' : '\n'}${missing.join('\n')}\n`);
}
