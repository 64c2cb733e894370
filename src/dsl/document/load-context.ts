import { dirname, relative, sep } from 'node:path';
import type { SourceRange } from '../diagnostics/diagnostic.ts';
import type { DiagnosticSink } from '../diagnostics/sink.ts';
import type { SourceFile } from '../diagnostics/source.ts';
import type { SignatureRegistry } from '../signature.ts';
import type { Located } from '../text/located.ts';

/**
 * How much may still be made from the text, because copies of its parts could be gigabytes. Below zero the
 * load has failed.
 */
export interface Budget {
  /** Characters in the parameters of all cells. */
  characters: number;
  /** Values that templates and `$(…)` put in. */
  values: number;
}

export const mostValues = 1_000_000;
export const tooManyValues = `after templates and $(…) are expanded, the pipeline has more than ${mostValues} values`;

/** Code that the project does not allow, or that has not been trusted on this machine. */
export interface CodeProblem {
  readonly message: string;
  readonly fix: string | undefined;
}

/** The context of every step of a load. */
export interface LoadContext {
  readonly registry: SignatureRegistry;
  readonly sink: DiagnosticSink;
  /** Files by their shown path; grows while includes are read. */
  readonly sources: Map<string, SourceFile>;
  /** Absolute paths of the files and folders that stages read; grows while cells are resolved. */
  readonly reads: Set<string>;
  /** Absolute path of the project root. */
  readonly root: string;
  /** Absolute path of the pipeline file. */
  readonly file: string;
  readonly maxCells: number;
  readonly budget: Budget;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Throws if the file can't be read. */
  readonly readFile: (absolutePath: string) => string;
  /** The remedy for a pipeline file that does not exist; undefined if none is known. */
  readonly remedyOfMissing: ((absolutePath: string) => string | undefined) | undefined;
  /** Flags for sbatch that the project allows, beside those that every pipeline may give. */
  readonly allowedFlags: readonly string[];
  /** Absolute paths of files and folders outside of the project that the user lets its stages read. */
  readonly allowedPaths: readonly string[];
  /** Undefined if the caller does not look for missing files. */
  readonly exists: ((absolutePath: string) => boolean) | undefined;
  /** Why a file of code may not run; null if it may. Undefined if the caller does not check this. */
  readonly codeProblem: ((path: string) => CodeProblem | null) | undefined;
  /** Reads a file that a parameter names; null if it cannot be read. Undefined if no data is looked at. */
  readonly readData: ((absolutePath: string, most?: number) => Uint8Array | null) | undefined;
}

/** The path relative to the working directory if that is shorter. */
export function shownPath(absolute: string): string {
  const path = relative(process.cwd(), absolute);
  return path !== '' && path.length < absolute.length ? path : absolute;
}

export function isInside(root: string, absolute: string): boolean {
  const path = relative(root, absolute);
  return (
    path !== '..' &&
    !path.startsWith(`..${sep}`) &&
    !(process.platform === 'win32' && /^[A-Za-z]:/.test(path))
  );
}

/**
 * Names the root relative to the file's folder, so that the message does not depend on where the project
 * lies.
 */
export function outsideMessage(
  path: string,
  { root, file }: { readonly root: string; readonly file: string },
): string {
  const from = relative(dirname(file), root);
  const begins = from === '' ? 'in the folder of this file' : `at '${from.replaceAll(sep, '/')}'`;
  return `'${path.replaceAll('\0', '␀')}' is outside the project, which begins ${begins}`;
}

/** Reports every `$(axes.x)` in a value that belongs to no cell. */
export function forbidAxes(located: Located, where: string, sink: DiagnosticSink, fix?: string): boolean {
  let found = false;
  const seen = new Set<Located>();
  const visit = (value: Located): void => {
    if (seen.has(value)) return;
    seen.add(value);
    if (value.kind === 'template') {
      found = true;
      if (value.unknown === true) return;
      const axis = value.parts.find(
        (part): part is { axis: string; at: SourceRange } => typeof part !== 'string',
      );
      const name = axis?.axis ?? '';
      sink.error(
        'axes-not-here',
        axis?.at ?? value.at,
        `'$(axes.${name})' can't be used in ${where}, which is read before the cells are known`,
        {
          fix: fix ?? 'use $(axes.…) in with:, publish: or seed: only',
        },
      );
    } else if (value.kind === 'sequence') {
      value.items.forEach(visit);
    } else if (value.kind === 'map') {
      for (const entry of value.entries.values()) visit(entry.value);
    }
  };
  visit(located);
  return found;
}
