import { appendFileSync, existsSync, mkdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { didYouMean } from '../../values/nearest.ts';
import { pipelineJsonSchema } from '../../dsl/reference/json-schema.ts';
import { shellWord } from '../../dsl/text/shell-word.ts';
import { defaultFile, findDefaultFile } from '../command-words.ts';
import { exitCodes, type ExitCode, UsageError } from '../exit-codes.ts';
import { packageFolder } from '../package-folder.ts';
import { print } from '../output.ts';
import { allowCode, pluginFiles, writePlugin } from '../plugins/write-plugin.ts';
import { projectOf, stagesOfProject } from '../project.ts';
import { readJsonFile } from '../../files/read-json.ts';
import { writeWhole } from '../../files/write-whole.ts';

/** A project to begin from: a pipeline, and the code that it names. */
interface Template {
  /** Pipeline file, from the folder of the package. */
  readonly pipeline: string;
  /** Module of Python beside the pipeline file, which package.json then allows for `model/python`. */
  readonly python?: string;
  /** Name of a plugin that is written from the template of attacks, which package.json then allows. */
  readonly attack?: string;
  /** A command that has to be run in the folder before a run. */
  readonly command?: string;
  /** Said to the user: the work that has to be done before a run, or what the command does. */
  readonly before?: string;
}

const templates: Readonly<Record<string, Template>> = {
  mnist: { pipeline: 'pipelines/quickstart.yaml' },
  figure: { pipeline: 'pipelines/figure-4-mnist.yaml' },
  adaptive: { pipeline: 'templates/projects/adaptive/pipeline.yaml' },
  plugin: { pipeline: 'templates/projects/plugin/pipeline.yaml', attack: 'my-attack' },
  'own-model': {
    pipeline: 'templates/projects/own-model/pipeline.yaml',
    python: 'my_model.py',
    command: 'python my_model.py',
    before: 'exports the network to mine.onnx (needs torch, onnx and onnxscript)',
  },
  cifar: {
    pipeline: 'pipelines/adaptive-cifar.yaml',
    before: 'link CIFAR-10 and the weights into data/ and weights/, as the head of the pipeline says',
  },
  imagenet: {
    pipeline: 'pipelines/defenses-imagenet.yaml',
    before: 'link photographs and weights into data/, as the head of the pipeline says',
  },
};

/** The lines of .gitignore: what can be computed or downloaded again. */
const ignoredFolders = ['.ravelin/', 'data/', 'weights/', 'results/', 'node_modules/'];

/**
 * Writes a first pipeline with the code that it names, the schema that editors complete it with, and lines of
 * .gitignore for what can be computed or downloaded again.
 */
export async function init(
  folder: string | undefined,
  options: { readonly template: string; readonly force?: boolean },
): Promise<ExitCode> {
  const template = templateOf(options.template);
  const target = resolve(folder ?? '.');
  const pipeline = join(target, defaultFile);
  const module = template.python === undefined ? [] : [join(target, template.python)];
  const plugin = template.attack === undefined ? [] : pluginFiles(target, template.attack);
  if (options.force !== true) {
    const present = [pipeline, ...module, ...plugin].find((file) => existsSync(file));
    if (present !== undefined)
      throw new UsageError(`${present} already exists`, 'give another folder, or --force to overwrite it');
    const other = findDefaultFile(target);
    if (other !== null)
      throw new UsageError(
        `${join(target, other)} already exists`,
        `give another folder, or --force to write ${defaultFile} beside it`,
      );
  }
  // What cannot be read ends the command before it has written anything.
  const settings = join(target, 'package.json');
  if (module.length + plugin.length > 0 && existsSync(settings)) readJsonFile(settings);
  mkdirSync(target, { recursive: true });
  const text = pipelineText(template.pipeline);
  writeWhole(pipeline, text);
  if (template.python !== undefined) {
    const source = join(packageFolder(), template.pipeline, '..', template.python);
    writeWhole(join(target, template.python), readFileSync(source));
    allowCode(target, 'python', `./${template.python}`);
  }
  if (template.attack !== undefined) writePlugin(target, 'attack', template.attack);
  const { registry } = await stagesOfProject(await projectOf(pipeline));
  writeWhole(join(target, 'pipeline.schema.json'), `${JSON.stringify(pipelineJsonSchema(registry))}\n`);
  ignore(join(target, '.gitignore'));
  const enter = folder === undefined ? '' : `cd ${shellWord(folder)} && `;
  const { command, before } = template;
  const first =
    command === undefined ? before : `${enter === '' ? command : `(${enter}${command})`}   ${before}`;
  print(`${[pipeline, ...module, ...plugin].join('\n')}
${first === undefined ? '' : `\nfirst:  ${first}`}
next:  ${enter}ravelin run${text.includes('smoke:') ? ' -p smoke' : ''}
plugins:  ravelin new defense my-defense   writes one with its test, and a package.json that allows it`);
  return exitCodes.ok;
}

/** Throws `UsageError` for an unknown name. */
function templateOf(name: string): Template {
  const template = Object.hasOwn(templates, name) ? templates[name] : undefined;
  if (template !== undefined) return template;
  const names = Object.keys(templates);
  throw new UsageError(
    `unknown template '${name}'${didYouMean(name, names)}`,
    `use ${names.slice(0, -1).join(', ')} or ${names.at(-1)!}`,
  );
}

/** The pipelines of the package are in a folder of it, and the new one is at the top of its project. */
function pipelineText(path: string): string {
  return readFileSync(join(packageFolder(), path), 'utf8')
    .replaceAll('../schemas/', '')
    .replaceAll(`ravelin run ${path}`, 'ravelin run')
    .replaceAll('../', '');
}

function ignore(path: string): void {
  const before = existsSync(path) ? readFileSync(path, 'utf8') : '';
  const known = new Set(before.split('\n').map((line) => line.trim().replace(/^\//, '')));
  const missing = ignoredFolders.filter((line) => !known.has(line) && !known.has(line.replace(/\/$/, '')));
  if (missing.length === 0) return;
  appendFileSync(path, `${before === '' || before.endsWith('\n') ? '' : '\n'}${missing.join('\n')}\n`);
}
