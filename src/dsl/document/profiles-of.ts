import { resolve } from 'node:path';
import { readTextFile } from '../../files/read-text.ts';
import { DiagnosticSink, untilTooMany } from '../diagnostics/sink.ts';
import { sourceFile } from '../diagnostics/source.ts';
import { sectionOf } from '../text/located.ts';
import { parseDocument } from '../text/parse-document.ts';
import { shownPath } from './load-context.ts';

/**
 * Names of the profiles of a pipeline file, without those of its includes; none if it is not YAML. Throws if the file
 * cannot be read.
 */
export function profilesOf(file: string): readonly string[] {
  const path = resolve(file);
  const sink = new DiagnosticSink();
  const document = untilTooMany(() =>
    parseDocument(sourceFile(shownPath(path), readTextFile(path), path), sink),
  );
  if (sink.failed || document?.kind !== 'map') return [];
  return [...(sectionOf(document, 'profiles')?.entries.keys() ?? [])];
}
