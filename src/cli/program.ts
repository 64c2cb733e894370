import { Command, Option } from 'commander';
import { type ExitCode, UsageError } from './exit-codes.ts';

type Handler = (...parameters: never[]) => Promise<ExitCode> | ExitCode;

/** Wraps a lazily imported handler: it gets the arguments and the options, the global ones included. */
function lazy(load: () => Promise<Handler>): (...parameters: unknown[]) => Promise<void> {
  return async (...parameters) => {
    const handler = await load();
    const command = parameters.at(-1) as Command;
    process.exitCode = await handler(...([...parameters.slice(0, -2), command.optsWithGlobals()] as never[]));
  };
}

const collect = (value: string, previous: readonly string[] | undefined): readonly string[] => [
  ...(previous ?? []),
  value,
];

function positiveInteger(text: string): number {
  const value = Number(text.replaceAll('_', ''));
  if (!Number.isSafeInteger(value) || value < 1)
    throw new UsageError(`'${text}' is not a positive whole number`);
  return value;
}

function naturalNumber(text: string): number {
  const value = Number(text.replaceAll('_', ''));
  if (!Number.isSafeInteger(value) || value < 0) throw new UsageError(`'${text}' is not a whole number`);
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
      new Option('--backend <name>', 'tensor backend')
        .choices(['auto', 'wasm', 'tensorflow', 'webgpu'])
        .default('auto'),
    );
}

export function createProgram(): Command {
  const program = new Command('ravelin')
    .description('Pipelines for adversarial-robustness experiments on images')
    .version(process.env.RAVELIN_VERSION ?? 'development')
    .option('--cache <dir>', 'cache directory (default: .ravelin beside the pipeline)')
    .exitOverride()
    .showHelpAfterError("(run 'ravelin help' to see the commands)")
    .configureHelp({ showGlobalOptions: true });

  program
    .command('init [dir]')
    .description('write a first pipeline')
    .option('--template <name>', 'which one', 'mnist')
    .option('--force', 'overwrite files that exist')
    .action(lazy(async () => (await import('./commands/init.ts')).init));
  program
    .command('validate <files...>')
    .description('check pipelines without running anything')
    .option('-S, --set <params.NAME=VALUE>', 'set a parameter (repeatable)', collect)
    .option('-p, --profile <name>', 'apply a profile (repeatable)', collect)
    .option('--max-cells <n>', 'refuse pipelines with more cells', positiveInteger)
    .option('--json', 'diagnostics as JSON')
    .action(lazy(async () => (await import('./commands/validate.ts')).validate));
  program
    .command('schema')
    .description('print the JSON Schema of pipeline files, for editors')
    .option('--out <file>', 'write to a file')
    .action(lazy(async () => (await import('./commands/schema.ts')).schema));
  program
    .command('stages [name]')
    .description('list the stage types, or describe one')
    .option('--json', 'as JSON')
    .option('--markdown', 'the whole reference page')
    .action(lazy(async () => (await import('./commands/stages.ts')).stages));

  program
    .command('new <kind> <name>')
    .description('write a plugin with its test: attack, defense, metric, report or dataset')
    .action(lazy(async () => (await import('./commands/new.ts')).newPlugin));
  program
    .command('test [plugins...]')
    .description("run the tests of the project's plugins")
    .action(lazy(async () => (await import('./commands/test.ts')).testPlugins));

  withPipelineOptions(program.command('plan <file> [select...]'))
    .description('show what a run would do, and why')
    .option('--force [select]', 'plan as if results were missing')
    .option('--json', 'as JSON')
    .option('--exit-code', 'exit with 10 when there is work to do')
    .action(lazy(async () => (await import('./commands/plan.ts')).plan));
  withPipelineOptions(program.command('why <file> <cell>'))
    .description('explain why a cell would run or be reused')
    .option('--json', 'as JSON')
    .action(lazy(async () => (await import('./commands/why.ts')).why));
  withPipelineOptions(program.command('dag <file>'))
    .description('print the graph of stages')
    .option('--mermaid', 'as a Mermaid flowchart')
    .option('--dot', 'as Graphviz')
    .option('--json', 'as JSON')
    .option('--expand', 'cells instead of stages')
    .action(lazy(async () => (await import('./commands/dag.ts')).dag));
  withPipelineOptions(program.command('run <file> [select...]'))
    .description('run what is missing; a killed run goes on where it stopped')
    .option('--only <select>', 'only these cells and what they need', collect)
    .option('--from <select>', 'only these cells and what follows from them', collect)
    .option('--force [select]', 'compute again even where a result exists')
    .option('-j, --jobs <n>', 'worker processes', positiveInteger)
    .addOption(new Option('--executor <name>', 'where to compute').choices(['local', 'slurm']))
    .option('-n, --dry-run', 'the same as plan')
    .option('--detach', 'go on in the background; ravelin watch follows it')
    .option('--watch', 'run again whenever the pipeline or a file that it reads changes')
    .option('--keep-going', 'run everything that does not depend on a failure; exit code 3')
    .option('--fail-fast', 'stop at the first failure (default)')
    .addOption(
      new Option('--ui <kind>', 'what to show')
        .choices(['auto', 'inline', 'full', 'plain', 'json', 'quiet'])
        .default('auto'),
    )
    .action(lazy(async () => (await import('./commands/run.ts')).run));
  program
    .command('cancel [run]')
    .description('stop a run that goes on elsewhere, and its jobs on a cluster; what is committed is kept')
    .action(lazy(async () => (await import('./commands/cancel.ts')).cancel));
  program
    .command('watch [run]')
    .description('follow a run from another terminal, or replay a finished one')
    .addOption(
      new Option('--ui <kind>', 'what to show').choices(['auto', 'inline', 'plain', 'json']).default('auto'),
    )
    .action(lazy(async () => (await import('./commands/watch.ts')).watch));
  withPipelineOptions(program.command('status <file>'))
    .description('one line a stage: done, missing, failed, and the latest scores')
    .option('--json', 'as JSON')
    .action(lazy(async () => (await import('./commands/status.ts')).status));

  const runs = program.command('runs').description('past runs');
  runs
    .command('ls', { isDefault: true })
    .description('list them')
    .option('--json', 'as JSON')
    .action(lazy(async () => (await import('./commands/runs.ts')).runsList));
  runs
    .command('show [run]')
    .description('one of them, the latest by default')
    .option('--json', 'as JSON')
    .action(lazy(async () => (await import('./commands/runs.ts')).runsShow));
  runs
    .command('diff <before> <after>')
    .description('what two runs differ in: parameters, and scores side by side')
    .option('--json', 'as JSON')
    .action(lazy(async () => (await import('./commands/runs-diff.ts')).runsDiff));
  runs
    .command('rm <runs...>')
    .description('remove their ledgers; results stay until garbage collection')
    .action(lazy(async () => (await import('./commands/runs.ts')).runsRemove));
  runs
    .command('pin <run>')
    .description('keep its results from garbage collection')
    .option('--remove', 'unpin')
    .action(lazy(async () => (await import('./commands/runs.ts')).runsPin));

  program
    .command('logs <cell>')
    .description('what a cell printed in the latest run that ran it')
    .option('-f, --follow', 'go on as it grows')
    .action(lazy(async () => (await import('./commands/logs.ts')).logs));
  program
    .command('metrics [run]')
    .description('scores of a run, the latest by default')
    .option('--csv', 'as CSV')
    .option('--json', 'as JSON')
    .action(lazy(async () => (await import('./commands/metrics.ts')).metrics));
  withPipelineOptions(program.command('export <file> <cell>'))
    .description(
      'write the output of a cell: CELL or CELL.port, to a folder or .safetensors, .npz, .csv, .png, .svg, .md',
    )
    .requiredOption('--to <path>', 'folder or file')
    .action(lazy(async () => (await import('./commands/export.ts')).exportOutput));

  const cache = program.command('cache').description('the store of results');
  cache
    .command('du', { isDefault: true })
    .description('how much it holds')
    .option('--json', 'as JSON')
    .action(lazy(async () => (await import('./commands/cache.ts')).cacheUsage));
  cache
    .command('ls')
    .description('its entries')
    .option('--json', 'as JSON')
    .action(lazy(async () => (await import('./commands/cache.ts')).cacheList));
  cache
    .command('verify')
    .description('read everything and check every digest; damaged entries are set aside')
    .option('--json', 'as JSON')
    .action(lazy(async () => (await import('./commands/cache.ts')).cacheVerify));
  cache
    .command('gc')
    .description('remove what is old, keeping recent runs and pins')
    .option('--older-than <duration>', 'only entries unused for this long, such as 30d', '30d')
    .option('--max-size <size>', 'remove the cheapest to recompute until the cache is smaller, such as 20GiB')
    .option('-n, --dry-run', 'say what would go, and why')
    .option('--json', 'as JSON')
    .action(lazy(async () => (await import('./commands/cache.ts')).cacheCollect));

  program
    .command('doctor')
    .description('what this machine can do, and how to get what is missing')
    .option('--json', 'as JSON')
    .action(lazy(async () => (await import('./commands/doctor.ts')).doctor))
    .command('slurm')
    .description('whether runs with --executor slurm can work from here')
    .action(lazy(async () => (await import('./commands/doctor-slurm.ts')).doctorSlurm));
  const setup = program.command('setup').description('bring what npm does not');
  setup
    .command('tensorflow')
    .description('fetch TensorFlow with pip and compile the binding: several times as fast as wasm')
    .option('--gpu', 'with CUDA and cuDNN')
    .option('--from-wheel <file>', 'use this wheel instead of fetching one')
    .option('--check', 'only compute something with what is there')
    .action(lazy(async () => (await import('./commands/setup.ts')).setupTensorflow));
  const weights = program.command('weights').description('files of network weights');
  weights
    .command('show <file>')
    .description('tensors of a .safetensors or PyTorch file: names, types, shapes, NaN and infinities')
    .option('--json', 'as JSON')
    .action(lazy(async () => (await import('./commands/weights.ts')).weightsShow));
  weights
    .command('convert <from> <to>')
    .description('PyTorch weights of a published architecture to .safetensors in the layout of ravelin')
    .requiredOption('--architecture <name>', 'NAME of the stage model/NAME that will read them')
    .option('--classes <n>', 'number of classes (default: as the stage)', positiveInteger)
    .option('--size <n>', 'side of the images in pixels (default: as the stage)', positiveInteger)
    .action(lazy(async () => (await import('./commands/weights.ts')).weightsConvert));
  program
    .command('completion <shell>')
    .description('completion script for bash, zsh or fish')
    .action(lazy(async () => (await import('./commands/completion.ts')).completion));
  program
    .command('explain [code]')
    .description('what an error code means, with a wrong and a right example')
    .option('--markdown', 'all of them as the reference page')
    .action(lazy(async () => (await import('./commands/explain.ts')).explain));
  return program;
}
