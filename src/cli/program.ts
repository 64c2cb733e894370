import { Command, Option } from 'commander';
import { defaultFile, fileFirst } from './command-words.ts';
import { type ExitCode, UsageError } from './exit-codes.ts';
import { complain, print } from './output.ts';

type Handler = (...parameters: never[]) => Promise<ExitCode> | ExitCode;

/** Wraps a lazily imported handler. It gets the arguments and the options, including the global ones. */
function lazy(load: () => Promise<Handler>): (...parameters: unknown[]) => Promise<void> {
  return async (...parameters) => {
    const handler = await load();
    const command = parameters.at(-1) as Command;
    const options = command.optsWithGlobals<{ readonly trust?: boolean }>();
    if (options.trust === true) process.env['RAVELIN_TRUST'] = '1';
    process.exitCode = await handler(...([...parameters.slice(0, -2), options] as never[]));
  };
}

/**
 * Wraps the handler of a command whose first word is the pipeline file, which may be left out. `words` says
 * what follows the file: any number of words as one list, one that is needed, or nothing.
 */
function lazyWithFile(
  words: 'list' | 'one' | 'none',
  load: () => Promise<Handler>,
): (...parameters: unknown[]) => Promise<void> {
  return lazy(async () => {
    const handler = (await load()) as (...parameters: unknown[]) => Promise<ExitCode> | ExitCode;
    return (...parameters: unknown[]) => {
      const given = parameters
        .slice(0, -1)
        .flat()
        .filter((word) => typeof word === 'string');
      const { file, rest } = fileFirst(given);
      if (words === 'list') return handler(file, rest, parameters.at(-1));
      const [word, extra] = rest;
      if (words === 'one' && word === undefined)
        throw new UsageError(`no cell is named after ${file}`, "name one; 'ravelin dag --expand' lists them");
      const superfluous = words === 'one' ? extra : word;
      if (superfluous !== undefined)
        throw new UsageError(`'${superfluous}' is one word too many after ${file}`);
      return words === 'one' ? handler(file, word, parameters.at(-1)) : handler(file, parameters.at(-1));
    };
  });
}

const collect = (value: string, previous: readonly string[] | undefined): readonly string[] => [
  ...(previous ?? []),
  value,
];

const listOfWords = (value: string): readonly string[] => value.split(',').map((word) => word.trim());

function positiveInteger(text: string): number {
  const value = Number(text.replaceAll('_', ''));
  if (!Number.isSafeInteger(value) || value < 1)
    throw new UsageError(`'${text}' is not a positive whole number`);
  return value;
}

function naturalNumber(text: string): number {
  const value = Number(text.replaceAll('_', ''));
  if (!Number.isSafeInteger(value) || value < 0)
    throw new UsageError(`'${text}' is not a whole number (0, 1, 2, …)`);
  return value;
}

/** Options of every command that reads a pipeline. */
function withPipelineOptions(command: Command): Command {
  return command
    .option('-S, --set <params.NAME=VALUE>', 'set a parameter of the pipeline (repeatable)', collect)
    .option('-p, --profile <name>', 'apply a profile of the pipeline (repeatable, in order)', collect)
    .option('--seed <n>', 'seed instead of the one in the file', naturalNumber)
    .option('--max-cells <n>', 'refuse pipelines with more cells', positiveInteger)
    .addOption(
      new Option(
        '--backend <name>',
        'tensor backend (default: as the pipeline says, else that of its last run, else the best)',
      ).choices(['auto', 'wasm', 'tensorflow', 'webgpu']),
    );
}

export function createProgram(): Command {
  const program = new Command('ravelin')
    .description('Pipelines for adversarial-robustness experiments on images')
    .version(process.env.RAVELIN_VERSION ?? 'development')
    .option('--cache <dir>', 'cache directory (default: .ravelin beside the pipeline)')
    .option('--trust', "run the project's plugins in this command, although the project is not trusted")
    .exitOverride()
    .configureOutput({ writeOut: print, writeErr: complain })
    .showHelpAfterError("(run 'ravelin help' to see the commands)")
    .configureHelp({ showGlobalOptions: true });
  addWriting(program);
  addPlugins(program);
  addTrust(program);
  addPlanning(program);
  addRunning(program);
  addRuns(program);
  addResults(program);
  addCache(program);
  addMachine(program);
  addWeights(program);
  addReference(program);
  return program;
}

function addWriting(program: Command): void {
  program
    .command('init [dir]')
    .description('write a first pipeline')
    .option('--template <name>', 'template to start from: mnist, figure, cifar or imagenet', 'mnist')
    .option('--force', 'overwrite files that exist')
    .action(lazy(async () => (await import('./commands/init.ts')).init));
  program
    .command('validate [files...]')
    .description(`check pipelines without running anything (default: ${defaultFile})`)
    .option('-S, --set <params.NAME=VALUE>', 'set a parameter (repeatable)', collect)
    .option('-p, --profile <name>', 'apply a profile (repeatable)', collect)
    .option('--max-cells <n>', 'refuse pipelines with more cells', positiveInteger)
    .option('--json', 'print diagnostics as JSON')
    .action(lazy(async () => (await import('./commands/validate.ts')).validate));
  program
    .command('schema')
    .description('print the JSON Schema of pipeline files, for editors')
    .option('--out <file>', 'write it to a file')
    .action(lazy(async () => (await import('./commands/schema.ts')).schema));
  program
    .command('stages [name]')
    .description('list the stage types, or describe one')
    .option('--json', 'print as JSON')
    .option('--markdown', 'print the whole reference page')
    .action(lazy(async () => (await import('./commands/stages.ts')).stages));
}

/** Plugins: one's own stages in one file. */
function addPlugins(program: Command): void {
  program
    .command('new <kind> <name>')
    .description('write a plugin with its test: attack, defense, metric, report or dataset')
    .option('--randomised', 'a defense that draws random numbers')
    .action(lazy(async () => (await import('./commands/new.ts')).newPlugin));
  program
    .command('test [plugins...]')
    .description("run the tests of the project's plugins")
    .action(lazy(async () => (await import('./commands/test.ts')).testPlugins));
}

function addTrust(program: Command): void {
  program
    .command('trust')
    .description('let the plugins of this project run on this machine')
    .option('--remove', 'no longer let them run')
    .action(lazy(async () => (await import('./commands/trust.ts')).trustProject));
}

function addPlanning(program: Command): void {
  withPipelineOptions(program.command('plan [file] [select...]'))
    .description(`show what a run would do, and why (default file: ${defaultFile})`)
    .option('--force [select]', 'plan as if results were missing')
    .option('--json', 'print as JSON')
    .option('--exit-code', 'exit with 10 if there is work to do')
    .action(lazyWithFile('list', async () => (await import('./commands/plan.ts')).plan));
  withPipelineOptions(program.command('why [file] [cell]'))
    .usage('[options] [file] <cell>')
    .description('explain why a cell would run or be reused')
    .option('--json', 'print as JSON')
    .action(lazyWithFile('one', async () => (await import('./commands/why.ts')).why));
  withPipelineOptions(program.command('dag [file]'))
    .description('print the graph of stages')
    .option('--mermaid', 'print as a Mermaid flowchart')
    .option('--dot', 'print as Graphviz')
    .option('--json', 'print as JSON')
    .option('--expand', 'show cells instead of stages')
    .action(lazyWithFile('none', async () => (await import('./commands/dag.ts')).dag));
}

function addRunning(program: Command): void {
  withPipelineOptions(program.command('run [file] [select...]'))
    .description(
      `compute what is missing (default file: ${defaultFile}); a killed run resumes where it stopped`,
    )
    .option('--only <select>', 'only these cells and what they need', collect)
    .option('--from <select>', 'only these cells and what follows from them', collect)
    .option('--force [select]', 'recompute even if a result exists')
    .option('-j, --jobs <n>', 'number of worker processes', positiveInteger)
    .addOption(new Option('--executor <name>', 'where to compute').choices(['local', 'slurm']))
    .option('--cpu-profile', 'write a CPU profile of each worker into the folder of the run')
    .option('-n, --dry-run', 'only plan, like ravelin plan')
    .option('--detach', 'run in the background; follow it with ravelin watch')
    .option('--watch', 'run again whenever the pipeline or a file that it reads changes')
    .option('--keep-going', 'run everything that does not depend on a failure; exit code 3')
    .option('--fail-fast', 'stop at the first failure (default)')
    .option('--overwrite', 'publish over files that no run with this cache has published')
    .addOption(
      new Option('--ui <kind>', 'how to show progress')
        .choices(['auto', 'inline', 'plain', 'json', 'quiet'])
        .default('auto'),
    )
    .action(lazyWithFile('list', async () => (await import('./commands/run.ts')).run));
  program
    .command('cancel [run]')
    .description('stop a run of another process, and its jobs on a cluster; committed results are kept')
    .action(lazy(async () => (await import('./commands/cancel.ts')).cancel));
  program
    .command('watch [run]')
    .description('follow a run from another terminal, or replay a finished one')
    .addOption(
      new Option('--ui <kind>', 'how to show progress')
        .choices(['auto', 'inline', 'plain', 'json'])
        .default('auto'),
    )
    .action(lazy(async () => (await import('./commands/watch.ts')).watch));
  withPipelineOptions(program.command('status [file]'))
    .description('show for each stage what is done, missing or failed')
    .option('--json', 'print as JSON')
    .action(lazyWithFile('none', async () => (await import('./commands/status.ts')).status));
}

function addRuns(program: Command): void {
  const runs = program.command('runs').description('list, compare and remove past runs');
  runs
    .command('ls', { isDefault: true })
    .description('list all runs')
    .option('--json', 'print as JSON')
    .action(lazy(async () => (await import('./commands/runs.ts')).runsList));
  runs
    .command('show [run]')
    .description('show one run (default: the latest)')
    .option('--time', 'where its time went, by stage')
    .option('--json', 'print as JSON')
    .action(lazy(async () => (await import('./commands/runs.ts')).runsShow));
  runs
    .command('diff <before> <after>')
    .description('compare the parameters and the scores of two runs')
    .option('--json', 'print as JSON')
    .action(lazy(async () => (await import('./commands/runs-diff.ts')).runsDiff));
  runs
    .command('rm <runs...>')
    .description('remove the ledgers of runs; their results stay until garbage collection')
    .action(lazy(async () => (await import('./commands/runs.ts')).runsRemove));
  runs
    .command('pin <run>')
    .description('protect the results of a run from garbage collection')
    .option('--remove', 'unpin')
    .action(lazy(async () => (await import('./commands/runs.ts')).runsPin));
}

function addResults(program: Command): void {
  program
    .command('logs <cell>')
    .description('print the log of a cell, from the latest run in which it logged anything')
    .option('-f, --follow', 'keep printing as the log grows')
    .action(lazy(async () => (await import('./commands/logs.ts')).logs));
  program
    .command('metrics [run]')
    .description(
      'print the scores of a run, or of the latest run of a pipeline file (default: the latest run)',
    )
    .option('--columns <names>', 'only these axes and numbers, such as attack,accuracy', listOfWords)
    .option('--csv', 'print as CSV')
    .option('--json', 'print as JSON')
    .action(lazy(async () => (await import('./commands/metrics.ts')).metrics));
  withPipelineOptions(program.command('export [file] [cell]'))
    .usage('[options] [file] <cell>')
    .description(
      'write an output of a cell (CELL or CELL.port) to a folder, or to a .safetensors, .npz, .csv, .png, .svg or .md file',
    )
    .requiredOption('--to <path>', 'folder or file to write')
    .action(lazyWithFile('one', async () => (await import('./commands/export.ts')).exportOutput));
}

function addCache(program: Command): void {
  const cache = program.command('cache').description('inspect and clean the store of results');
  cache
    .command('du', { isDefault: true })
    .description('show how much space it takes')
    .option('--json', 'print as JSON')
    .action(lazy(async () => (await import('./commands/cache.ts')).cacheUsage));
  cache
    .command('ls')
    .description('list its entries')
    .option('--json', 'print as JSON')
    .action(lazy(async () => (await import('./commands/cache.ts')).cacheList));
  cache
    .command('verify')
    .description('check the digest of everything in it; damaged entries are moved to quarantine')
    .option('--json', 'print as JSON')
    .action(lazy(async () => (await import('./commands/cache.ts')).cacheVerify));
  cache
    .command('gc')
    .description('remove old entries, but none of the latest run of a pipeline or of a pinned run')
    .option('--older-than <duration>', 'only entries unused for this long, such as 30d', '30d')
    .option(
      '--max-size <size>',
      'then also those that are cheapest to recompute, until the cache is smaller than this, such as 20GiB',
    )
    .option('-n, --dry-run', 'only show what would be removed, and why')
    .option('--json', 'print as JSON')
    .action(lazy(async () => (await import('./commands/cache.ts')).cacheCollect));
}

function addMachine(program: Command): void {
  program
    .command('doctor')
    .description('show what this machine can do, and how to install what is missing')
    .option('--json', 'print as JSON')
    .action(lazy(async () => (await import('./commands/doctor.ts')).doctor))
    .command('slurm')
    .description('check whether runs with --executor slurm work from here')
    .action(lazy(async () => (await import('./commands/doctor-slurm.ts')).doctorSlurm));
  const setup = program.command('setup').description('install what npm does not');
  setup
    .command('tensorflow')
    .description('download TensorFlow with pip and compile its binding: several times as fast as wasm')
    .option('--gpu', 'include CUDA and cuDNN')
    .option('--from-wheel <file>', 'use this wheel instead of downloading one')
    .option('--check', 'only check that the installed TensorFlow computes')
    .option('--time', 'only time convolutions with the installed TensorFlow')
    .action(lazy(async () => (await import('./commands/setup.ts')).setupTensorflow));
}

function addWeights(program: Command): void {
  const weights = program.command('weights').description('inspect and convert files of network weights');
  weights
    .command('show <file>')
    .description(
      'list the tensors of a .safetensors or PyTorch file: names, types, shapes, NaN and infinities',
    )
    .option('--json', 'print as JSON')
    .action(lazy(async () => (await import('./commands/weights.ts')).weightsShow));
  weights
    .command('convert <from> <to>')
    .description("convert PyTorch weights of a published architecture to .safetensors in ravelin's layout")
    .requiredOption('--architecture <name>', 'NAME of the stage type model/NAME that will read them')
    .option('--classes <n>', 'number of classes (default: that of the stage type)', positiveInteger)
    .option('--size <n>', 'side of the images in pixels (default: that of the stage type)', positiveInteger)
    .action(lazy(async () => (await import('./commands/weights.ts')).weightsConvert));
}

function addReference(program: Command): void {
  program
    .command('completion <shell>')
    .description('print the completion script for bash, zsh or fish')
    .action(
      lazy(async () => {
        const { completion } = await import('./commands/completion.ts');
        return (shell: string) => completion(shell, program);
      }),
    );
  program
    .command('explain [code]')
    .description('explain an error code, with a wrong and a right example')
    .option('--markdown', 'print all of them as the reference page')
    .action(lazy(async () => (await import('./commands/explain.ts')).explain));
}
