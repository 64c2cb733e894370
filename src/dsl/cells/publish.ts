import { dirname, extname, isAbsolute, relative, resolve } from 'node:path';
import { foldedName } from '../../files/file-names.ts';
import { didYouMean } from '../../values/nearest.ts';
import type { SourceRange } from '../diagnostics/diagnostic.ts';
import { isInside, type LoadContext, outsideMessage } from '../document/load-context.ts';
import type { Cell, PublishTarget } from '../graph.ts';
import { isUnknown, type Located, type LocatedMap, quote, valueOf } from '../text/located.ts';
import type { ExpandedStage } from './expansion.ts';
import { publishPath, whyProtected, whyUnwritable } from './publish-path.ts';

interface Target {
  readonly target: PublishTarget;
  readonly at: SourceRange;
}

interface PublishedFile {
  readonly cell: string;
  readonly at: SourceRange;
  readonly path: string;
}

/** The cell that writes each file, over all stages. */
export class PublishedFiles extends Map<string, PublishedFile> {
  /** The first file of each name, by the form in which some file systems do not tell names apart. */
  readonly folded = new Map<string, PublishedFile>();
}

/** Checks `publish:` of an expanded stage and claims its files. */
export function publishTargets(
  body: LocatedMap,
  expanded: ExpandedStage,
  cells: readonly Cell[],
  files: PublishedFiles,
  context: LoadContext,
): readonly PublishTarget[] {
  const value = valueOf(body, 'publish');
  if (value === undefined) return [];
  const targets = targetsOf(value, undefined, expanded, context);
  for (const target of targets) claim(target, expanded, cells, files, context);
  return targets.map(({ target }) => target);
}

function targetsOf(
  value: Located,
  port: { name: string; at: SourceRange } | undefined,
  stage: ExpandedStage,
  context: LoadContext,
): Target[] {
  const { sink } = context;
  if (isUnknown(value)) return [];
  if (value.kind === 'sequence') return value.items.flatMap((item) => targetsOf(item, port, stage, context));
  if (value.kind === 'map' && port === undefined) {
    return [...value.entries].flatMap(([name, entry]) =>
      targetsOf(entry.value, { name, at: entry.key.at }, stage, context),
    );
  }
  const name = port?.name ?? stage.variants[0]?.signature?.defaultOutput ?? '';
  for (const { signature } of stage.variants) {
    if (signature === undefined || Object.hasOwn(signature.out, name)) continue;
    const outputs = Object.keys(signature.out);
    sink.error(
      'unknown-output',
      port?.at ?? value.at,
      `${signature.uses} has no output '${name}'${didYouMean(name, outputs, 'its outputs')}`,
      { same: name },
    );
    return [];
  }
  const path = pathOf(value, stage, context);
  if (path === undefined || !hasFormat(path, value, name, stage, sink)) return [];
  return [{ target: { port: name, path }, at: value.at }];
}

/** Whether the output can be written with the ending of the path, as far as the stage type says which it has. */
function hasFormat(
  path: string,
  { at }: Located,
  output: string,
  { variants }: ExpandedStage,
  sink: LoadContext['sink'],
): boolean {
  const extension = extname(path).slice(1).toLowerCase();
  // A label may be part of the ending.
  if (extension.includes('{')) return true;
  for (const { signature } of variants) {
    const { formats } = signature?.out[output] ?? {};
    if (formats === undefined || formats.includes(extension)) continue;
    const ending = extension === '' ? 'has no ending' : `ends in .${extension}`;
    const message = `'${path}' ${ending}, and ${signature!.uses} writes ${formats.map((format) => `.${format}`).join(', ')}`;
    sink.error('bad-publish', at, message, { same: 'format', fix: 'end the path in one of these' });
    return false;
  }
  return true;
}

/** The path with `{axis}` in place of `$(axes.…)`. */
function pathOf(value: Located, stage: ExpandedStage, { sink }: LoadContext): string | undefined {
  if (value.kind === 'template') {
    const before = sink.errorCount;
    const parts = value.parts.map((part) => {
      if (typeof part === 'string') return part;
      if (!stage.axes.includes(part.axis)) {
        sink.error(
          'unknown-axis',
          part.at,
          `'${stage.id}' has no axis '${part.axis}'${didYouMean(part.axis, stage.axes, 'its axes')}`,
        );
      }
      return `{${part.axis}}`;
    });
    return braced(value, value.parts.filter((part) => typeof part === 'string').join(''), sink) ||
      sink.errorCount > before
      ? undefined
      : parts.join('');
  }
  if (value.kind !== 'scalar' || typeof value.value !== 'string' || value.value.trim() === '') {
    sink.error(
      'bad-publish',
      value.at,
      `publish: takes the path of a file, such as results/figure.svg, not ${quote(value)}`,
    );
    return undefined;
  }
  if (braced(value, value.value, sink)) return undefined;
  if (/[/\\]$/.test(value.value)) {
    sink.error(
      'bad-publish',
      value.at,
      `publish: takes the path of a file, and ${quote(value)} names a folder`,
    );
    return undefined;
  }
  return value.value;
}

function braced(value: Located, text: string, sink: LoadContext['sink']): boolean {
  const match = /\{([^{}]*)\}?|\}/.exec(text);
  if (match === null) return false;
  sink.error(
    'bad-publish',
    value.at,
    `the published path ${quote(value)} contains braces, which stand for nothing here`,
    {
      fix: `write $(axes.${match[1] ?? 'x'}) for a label`,
    },
  );
  return true;
}

function claim(
  { target, at }: Target,
  stage: ExpandedStage,
  cells: readonly Cell[],
  files: PublishedFiles,
  context: LoadContext,
): void {
  const { sink, file, root } = context;
  const folder = dirname(file);
  for (let index = stage.firstCell; index < stage.firstCell + stage.count; index++) {
    const cell = cells[index]!;
    const path = publishPath(target.path, cell.axes);
    const absolute = resolve(folder, path);
    if (isAbsolute(target.path) || !isInside(root, absolute)) {
      if (isInside(root, absolute))
        sink.error(
          'bad-publish',
          at,
          `'${target.path}' is absolute; published paths are relative to the pipeline file`,
        );
      else
        sink.error('outside-root', at, outsideMessage(path, context), {
          fix: 'publish into the project; paths are relative to the pipeline file',
        });
      return;
    }
    const unwritable = whyUnwritable(path);
    const why = unwritable ?? whyProtected(relative(root, absolute));
    if (why !== null) {
      const otherLabel = path === target.path ? '' : 'give the label another name, or ';
      sink.error('bad-publish', at, `'${path}' cannot be published: ${why}`, {
        same: why,
        fix:
          unwritable !== null
            ? 'shorten the labels or the rest of the name'
            : `${otherLabel}publish into a folder for results, such as results/`,
      });
      return;
    }
    const other = files.get(absolute);
    if (other === undefined) {
      warnOfCase({ cell: cell.id, at, path }, absolute, files, context);
      files.set(absolute, { cell: cell.id, at, path });
      continue;
    }
    const own = other.at.file === at.file && other.at.start === at.start;
    const missing = stage.axes.filter((axis) => !target.path.includes(`{${axis}}`));
    sink.error('publish-collision', at, `'${path}' would be written by both ${other.cell} and ${cell.id}`, {
      same: path,
      related: own ? [] : [{ message: 'the other one is here', at: other.at }],
      fix:
        own && missing.length > 0
          ? `put $(axes.${missing.join(') and $(axes.')}) into the path`
          : 'give each its own path',
    });
    return;
  }
}

/** Warns of files whose names differ only in case or in the form of Unicode: not all file systems keep them apart. */
function warnOfCase(
  file: PublishedFile,
  absolute: string,
  files: PublishedFiles,
  { sink }: LoadContext,
): void {
  const { folded } = files;
  const other = folded.get(foldedName(absolute));
  if (other === undefined) {
    folded.set(foldedName(absolute), file);
    return;
  }
  sink.warn(
    'publish-collision',
    file.at,
    `'${other.path}' of ${other.cell} and '${file.path}' of ${file.cell} are one file on disks that do not know case, as on macOS`,
    { same: 'case', fix: 'give one of the labels another name' },
  );
}
