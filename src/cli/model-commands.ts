/** The commands that look at networks and their weights without a run. */
import type { Command } from 'commander';
import { lazy, lazyWithFile, positiveInteger, withPipelineOptions } from './command-options.ts';

export function addWeights(program: Command): void {
  const weights = program
    .command('weights')
    .description('inspect and convert files of network weights, and export models for other pipelines');
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
  weights
    .command('fetch <architecture>')
    .description(
      'fetch published weights of an architecture with pip, and check that they are what was published',
    )
    .option('--to <path>', 'file to write (default: NAME.pth in this folder)')
    .action(lazy(async () => (await import('./commands/weights-fetch.ts')).weightsFetch));
  withPipelineOptions(weights.command('export [file] [cell]'))
    .usage('[options] [file] <cell>')
    .description(
      "write the model of a stage: as a network file, which model/network reads in any pipeline (the graph as .json, and its weights beside it), or its weights alone as .safetensors, which PyTorch's load_state_dict takes; for images, scores and figures: ravelin export",
    )
    .requiredOption('--to <path>', '.json or .safetensors file to write')
    .action(lazyWithFile('one', async () => (await import('./commands/weights-export.ts')).weightsExport));
}

export function addModel(program: Command): void {
  const model = program.command('model').description('look at a network before a run');
  withPipelineOptions(model.command('show [words...]'))
    .usage('[options] <file> | [pipeline] <cell>')
    .description(
      'show architecture, input, classes, parameters, operations and layers of a model: of an .onnx, .pt2, .json, .safetensors or PyTorch file, or of a stage of a pipeline',
    )
    .option('--architecture <name>', 'NAME of model/NAME, for a file of weights whose tensors do not say it')
    .option('--classes <n>', 'number of classes of that architecture', positiveInteger)
    .option('--size <n>', 'side of the images in pixels, if the file leaves it open', positiveInteger)
    .option('--output <name>', 'the output with the logits, if an ONNX file has several')
    .option('--json', 'print as JSON')
    .action(lazy(async () => (await import('./commands/model-show.ts')).modelShow));
}
