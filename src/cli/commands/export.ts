import { statSync } from 'node:fs';
import { extname, join } from 'node:path';
import { shellWord } from '../../dsl/text/shell-word.ts';
import { writeWhole } from '../../files/write-whole.ts';
import { counted } from '../../values/counted.ts';
import type { Value } from '../../values/value.ts';
import { choiceWords } from '../../dashboard/format.ts';
import { cellFileNames } from '../cell-file-names.ts';
import { announceChoices, choicesOf } from '../choices.ts';
import { DamageCollector } from '../damaged-results.ts';
import { exitCodes, type ExitCode, UsageError } from '../exit-codes.ts';
import { encodeAs, extensionsOf } from '../export-formats.ts';
import { complain } from '../output.ts';
import { readOutput } from '../outputs.ts';
import { openPipeline, type PipelineOptions } from '../pipeline.ts';
import { selected } from '../selection.ts';
import { changeOfBackend, planPipeline } from './plan.ts';

/** Writes outputs of cells that have run: one cell to a file, or any number to a folder. */
export async function exportOutput(
  file: string,
  target: string,
  options: PipelineOptions & { readonly to: string; readonly each?: boolean },
): Promise<ExitCode> {
  const pipeline = await openPipeline(file, options);
  announceChoices(
    `export ${file} ${shellWord(target)} --to ${shellWord(options.to)}`,
    pipeline,
    file,
    options,
  );
  const [, selector, portName] = /^([^[.]+(?:\[[^\]]*\])?)(?:\.([\w-]+))?$/.exec(target) ?? [];
  if (selector === undefined)
    throw new UsageError(
      `'${target}' is not CELL or CELL.output`,
      "for example 'defended[attack=fgsm].images'",
    );
  const cells = [...selected(pipeline.graph, [selector])];
  const extension = extname(options.to).slice(1).toLowerCase();
  const isFolder =
    extension === '' ||
    /[\\/]$/.test(options.to) ||
    statSync(options.to, { throwIfNoEntry: false })?.isDirectory();
  if (!isFolder && cells.length > 1) {
    throw new UsageError(
      `'${selector}' names ${cells.length} cells, which do not fit into one file`,
      `name one, such as ${pipeline.graph.cells[cells[0]!]!.id}, or give a folder: ${options.to}/`,
    );
  }
  const fileNameOf = isFolder ? cellFileNames(pipeline.graph.cells.map(({ id }) => id)) : null;
  const planned = await planPipeline(pipeline, [selector], {});
  const damage = new DamageCollector(file);
  for (const index of cells) {
    const { cell, stage, units } = planned.cells[index]!;
    const port = portName ?? stage.defaultOutput;
    const kind = stage.out[port]?.kind;
    if (kind === undefined)
      throw new UsageError(
        `${cell.uses} has no output '${port}'`,
        `use one of its outputs: ${Object.keys(stage.out).join(', ')}`,
      );
    const outputs = units.map((unit) => unit.outputs).filter((unit) => unit !== null);
    if (outputs.length < units.length) {
      complain(
        `error: ${cell.id} has no complete result yet\n  fix: ravelin run ${file} ${shellWord(cell.id)}${choiceWords(choicesOf(options))}`,
      );
      const change = await changeOfBackend(pipeline, planned, [selector], {});
      if (change !== null) complain(change.message);
      return exitCodes.cellFailed;
    }
    if (outputs.every((unit) => (unit[port] ?? []).length === 0)) {
      complain(
        `error: the output '${port}' of ${cell.id} is not stored, because its readers compute it on the fly\n  fix: set 'store: always' on '${cell.stage}'`,
      );
      return exitCodes.cellFailed;
    }
    if (options.each === true) {
      if (kind !== 'images' || cells.length > 1)
        throw new UsageError('--each writes the images of one cell', 'name one whose output is images');
      const read = () => readOutput(pipeline.store, outputs, port, kind);
      await writeEach(await damage.read(cell.id, read), options.to);
      continue;
    }
    const value = await damage.read(cell.id, () => readOutput(pipeline.store, outputs, port, kind));
    if (value === undefined) continue;
    if (fileNameOf !== null) await writeAll(value, join(options.to, `${fileNameOf(cell.id)}.${port}`));
    else await writeOne(value, extension, options.to);
  }
  damage.throwIfDamaged();
  return exitCodes.ok;
}

async function writeOne(value: Value, extension: string, path: string): Promise<void> {
  const bytes = await encodeAs(value, extension);
  if (bytes === undefined) {
    throw new UsageError(
      `${value.kind} cannot be written as .${extension}`,
      `use ${extensionsOf(value)
        .map((name) => `.${name}`)
        .join(
          ', ',
        )}${value.kind === 'model' ? "; 'ravelin weights export' writes a network file (.json) for model/network" : ''}`,
    );
  }
  writeWhole(path, bytes);
  complain(`wrote ${path}`);
}

async function writeEach(value: Value | undefined, folder: string): Promise<void> {
  if (value?.kind !== 'images') return;
  const { writeEachImage } = await import('../export-each.ts');
  const count = await writeEachImage(value, folder);
  complain(
    `wrote ${counted(count, 'image')} and classes.json to ${folder}; read them with classes: ${join(folder, 'classes.json')}, or labels may differ`,
  );
}

/** Writes all files of a figure, and anything else in its first format, which contains all of it. */
async function writeAll(value: Value, stem: string): Promise<void> {
  const extensions = value.kind === 'figure' ? extensionsOf(value) : extensionsOf(value).slice(0, 1);
  for (const extension of extensions) await writeOne(value, extension, `${stem}.${extension}`);
}
