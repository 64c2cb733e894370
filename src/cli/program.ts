import { Command, Option } from 'commander';
import {
  collect,
  lazy,
  lazyWithFile,
  listOfWords,
  positiveInteger,
  positiveIntegers,
  withPipelineOptions,
} from './command-options.ts';
import { defaultFile } from './command-words.ts';
import { addModel, addWeights } from './model-commands.ts';
import { exitCodes } from './exit-codes.ts';
import { refuseOptionsAsValues } from './option-values.ts';
import { complain, print } from './output.ts';

export function createProgram(): Command {
  const program = new Command('ravelin')
    .description('Pipelines for adversarial-robustness experiments on images')
    .version(process.env.RAVELIN_VERSION ?? 'development')
    .option('--cache <dir>', 'cache directory (default: .ravelin beside the pipeline)')
    .option('--trust', "run the project's plugins in this command, although the project is not trusted")
    .option(
      '--allow-path <path>',
      'let the pipeline read a file or folder outside of the project in this command (repeatable)',
      collect,
    )
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
  addModel(program);
  addReference(program);
  refuseOptionsAsValues(program);
  return program;
}

function addWriting(program: Command): void {
  program
    .command('init [dir]')
    .description('write a first pipeline')
    .option(
      '--template <name>',
      'template to start from: mnist, figure, adaptive, plugin, own-model, cifar or imagenet',
      'mnist',
    )
    .option('--force', 'overwrite files that exist')
    .action(lazy(async () => (await import('./commands/init.ts')).init));
  program
    .command('validate [files...]')
    .description(`check pipelines without running anything (default: ${defaultFile})`)
    .option('-S, --set <params.NAME=VALUE>', 'set a parameter (repeatable)', collect)
    .option('-p, --profile <name>', 'apply a profile (repeatable)', collect)
    .option(
      '--max-cells <n>',
      'refuse pipelines with more cells than this (default: 100000)',
      positiveInteger,
    )
    .option('--json', 'print diagnostics as JSON')
    .action(lazy(async () => (await import('./commands/validate.ts')).validate));
  program
    .command('schema')
    .description('print the JSON Schema of pipeline files, or of network files, for editors')
    .addOption(
      new Option('--of <files>', 'kind of file that the schema describes')
        .choices(['pipeline', 'network'])
        .default('pipeline'),
    )
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
  program
    .command('allow-path [paths...]')
    .description('let the pipelines of this project read files or folders outside of it, or list these')
    .option('--remove', 'no longer let them be read; without a path, none of them')
    .action(lazy(async () => (await import('./commands/allow-path.ts')).allowPath));
}

function addPlanning(program: Command): void {
  withPipelineOptions(program.command('plan [file] [select...]'))
    .description(`show what a run would do, and why (default file: ${defaultFile})`)
    .option('--force [select]', 'plan as if results were missing')
    .option('--cost', 'estimate hours, disk and memory instead, from measured units')
    .option('--workers <numbers>', 'with --cost: numbers of workers, such as 1,8,64', positiveIntegers)
    .option('--gpu <card>', 'with --cost: networks on a GPU of this kind, assumed: v100, a100 or h100')
    .option('--json', 'print as JSON')
    .option('--exit-code', 'exit with 10 if there is work to do')
    .action(lazyWithFile('list', async () => (await import('./commands/plan.ts')).plan));
  withPipelineOptions(program.command('why [file] [cell]'))
    .usage('[options] [file] <cell>')
    .description('explain why a cell would run or be reused')
    .option('--json', 'print as JSON')
    .action(lazyWithFile('one', async () => (await import('./commands/why.ts')).why));
  withPipelineOptions(program.command('params [file]'))
    .description('show the params of a pipeline, and the values that the latest run used instead')
    .option('--json', 'print as JSON')
    .action(lazyWithFile('none', async () => (await import('./commands/params.ts')).params));
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
    .option('--confirm', 'show the plan and ask before it runs')
    .option('--detach', 'run in the background; follow it with ravelin watch')
    .option('--watch', 'run again whenever the pipeline or a file that it reads changes')
    .option('--keep-going', 'run everything that does not depend on a failure; exit code 3')
    .option('--fail-fast', 'stop at the first failure (default)')
    .option('--overwrite', 'publish over files that no run with this cache has published')
    .addOption(
      new Option('--ui <kind>', 'how to show progress')
        .choices(['auto', 'inline', 'full', 'plain', 'json', 'quiet'])
        .default('auto'),
    )
    .action(lazyWithFile('list', async () => (await import('./commands/run.ts')).run));
  program
    .command('cancel [run]')
    .description('stop a run of another process, and its jobs on a cluster; committed results are kept')
    .action(lazy(async () => (await import('./commands/cancel.ts')).cancel));
  program
    .command('watch [run]')
    .description('follow a run from another terminal, or look at a finished one')
    .addOption(
      new Option('--ui <kind>', 'how to show progress')
        .choices(['auto', 'inline', 'full', 'plain', 'json'])
        .default('auto'),
    )
    .action(lazy(async () => (await import('./commands/watch.ts')).watch));
  program
    .command('browse [run]')
    .description(
      'show a running or finished run on the whole screen, as it was at any moment (default: the latest)',
    )
    .action(lazy(async () => (await import('./commands/watch.ts')).browse));
  withPipelineOptions(program.command('status [file]'))
    .description('show for each stage what is done, missing or failed')
    .option('--json', 'print as JSON')
    .action(lazyWithFile('none', async () => (await import('./commands/status.ts')).status));
}

function addRuns(program: Command): void {
  const runs = program.command('runs').description('list, compare and remove past runs');
  runs
    .command('ls', { isDefault: true })
    .description('list all runs: when they began, how long they took, what they were given and what changed')
    .option('--pipeline <name>', 'only runs of the pipeline with this name or file')
    .option('--metric <name>', 'add this number of their scores, such as accuracy')
    .option('--json', 'print as JSON')
    .action(lazy(async () => (await import('./commands/runs.ts')).runsList));
  runs
    .command('show [run]')
    .description('show one run: its stages, failures and figures (default: the latest)')
    .option('--time', 'where its time went, by stage')
    .option('--params', 'with the params that it had')
    .option('--scores', 'with its scores')
    .option('--json', 'print as JSON')
    .action(lazy(async () => (await import('./commands/runs.ts')).runsShow));
  runs
    .command('diff <before> <after>')
    .description(
      'compare the parameters and the scores of two runs (default: the accuracy of what both have)',
    )
    .option('--metric <names>', 'compare these numbers, such as accuracy,l2', listOfWords)
    .option('--all', 'compare all numbers, also of rows that only one run has')
    .option('--json', 'print as JSON')
    .action(lazy(async () => (await import('./commands/runs-diff.ts')).runsDiff));
  runs
    .command('tag <run> [tags...]')
    .description('give a run names by which other commands find it, or list them')
    .option('--remove', 'take these names away')
    .action(lazy(async () => (await import('./commands/runs.ts')).runsTag));
  runs
    .command('rm <runs...>')
    .description('remove the ledgers of runs; their results stay until garbage collection')
    .action(lazy(async () => (await import('./commands/runs.ts')).runsRemove));
  runs
    .command('pin <run>')
    .description('protect the results of a run from garbage collection')
    .option('--remove', 'no longer protect them')
    .action(lazy(async () => (await import('./commands/runs.ts')).runsPin));
}

function addResults(program: Command): void {
  program
    .command('logs [file] [cell]')
    .usage('[options] [file] <cell>')
    .description(
      'print the log of a cell, from the latest run (of a pipeline file, or of any) in which it logged anything',
    )
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
  program
    .command('report [run] [other]')
    .description(
      'write what a run found, or the latest run of a pipeline file, into one HTML file that needs no network (default: the latest run); with two runs, compare them',
    )
    .option('--to <path>', 'file to write, .html or .zip (default: the id of the run with .html)')
    .option('--single-file', 'write one HTML file even if it is too large to be sent')
    .action(lazy(async () => (await import('./commands/report.ts')).report));
  withPipelineOptions(program.command('export [file] [cell]'))
    .usage('[options] [file] <cell>')
    .description(
      'write an output of a cell (CELL or CELL.output) to a folder, or to a .safetensors, .npz, .csv, .png, .svg or .md file; to use a model in another pipeline: ravelin weights export',
    )
    .requiredOption('--to <path>', 'folder or file to write')
    .option('--each', 'write each image to CLASS/ID.png in the folder, as dataset/image-folder reads them')
    .action(lazyWithFile('one', async () => (await import('./commands/export.ts')).exportOutput));
}

function addCache(program: Command): void {
  program
    .command('clean [file]')
    .description('show, or with --yes remove, the results and ledgers that only this pipeline has')
    .option('--yes', 'remove them')
    .action(lazyWithFile('none', async () => (await import('./commands/clean.ts')).clean));
  const cache = program.command('cache').description('inspect and clean the store of results');
  cache
    .command('du', { isDefault: true })
    .description('show how much space the store takes')
    .option('--json', 'print as JSON')
    .action(lazy(async () => (await import('./commands/cache.ts')).cacheUsage));
  cache
    .command('ls')
    .description('list the entries of the store')
    .option('--json', 'print as JSON')
    .action(lazy(async () => (await import('./commands/cache.ts')).cacheList));
  cache
    .command('verify')
    .description('check the digest of every entry; damaged ones are moved to quarantine')
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
  const setup = program.command('setup').description('install backends that npm does not bring');
  setup
    .command('tensorflow')
    .description('download TensorFlow with pip and compile its binding: several times as fast as wasm')
    .option('--gpu', 'include CUDA and cuDNN')
    .option('--from <dir>', 'use the wheels in this folder instead of downloading them')
    .option('--from-wheel <file>', 'use this wheel instead of downloading one')
    .option('--check', 'only check that the installed TensorFlow computes')
    .option('--time', 'only time convolutions with the installed TensorFlow')
    .option('--warm', 'only run the graphs that compile kernels for the GPU of this machine')
    .action(lazy(async () => (await import('./commands/setup.ts')).setupTensorflow));
  setup
    .command('webgpu')
    .description('download Dawn, WebGPU for Node, with npm')
    .option('--from <dir>', 'use the package in this folder instead of downloading it')
    .action(lazy(async () => (await import('./commands/setup.ts')).setupWebgpu));
}

function addReference(program: Command): void {
  program
    .command('completion <shell>')
    .description(
      'print the completion script for bash, zsh or fish, to be loaded by: eval "$(ravelin completion bash)", source <(ravelin completion zsh), or ravelin completion fish | source',
    )
    .action(
      lazy(async () => {
        const { completion } = await import('./commands/completion.ts');
        return (shell: string) => completion(shell, program);
      }),
    );
  program
    .command('complete <shell> [words...]', { hidden: true })
    .description('print what the last word may become, for the scripts of completion')
    .action(
      lazy(async () => {
        const { complete } = await import('./commands/complete.ts');
        return (shell: string, words: readonly string[]) => complete(shell, words, program);
      }),
    );
  program
    .command('manual', { hidden: true })
    .description('print the manual page of all commands, as man reads it')
    .action(
      lazy(async () => {
        const { manualPage } = await import('./manual-page.ts');
        return () => {
          print(manualPage(program));
          return exitCodes.ok;
        };
      }),
    );
  program
    .command('explain [code]')
    .description('explain an error code, with a wrong and a right example')
    .option('--markdown', 'print all of them as the reference page')
    .action(lazy(async () => (await import('./commands/explain.ts')).explain));
}
