import { findJsonProblem } from './json-problem.ts';
import { lineAndColumn } from './line-and-column.ts';
import { readTextFile } from './read-text.ts';
import { UnreadableFileError } from './unreadable-file-error.ts';

/**
 * Reads a JSON file. Throws `UnreadableFileError`, with the file, the line and the column, if it is not JSON
 * in UTF-8, and the error of the file system if it cannot be read.
 */
export function readJsonFile(path: string): unknown {
  return parseJsonText(readTextFile(path), path);
}

/** The value of a JSON text that was read from `path`. Throws `UnreadableFileError` as `readJsonFile` does. */
export function parseJsonText(text: string, path: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch (error) {
    // V8 names the place in some of its messages only, and never the line on Node 20.
    const { offset, problem } = findJsonProblem(text) ?? {
      offset: 0,
      problem: error instanceof Error ? error.message : String(error),
    };
    const { line, column } = lineAndColumn(text, offset);
    throw new UnreadableFileError(
      path,
      `${path}:${line}:${column} is not JSON: ${problem}`,
      'correct it there; a JSON file has double quotes, no comments and no comma before a closing bracket',
    );
  }
}
