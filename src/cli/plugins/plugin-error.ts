import { UsageError } from '../exit-codes.ts';
import { shownPath } from '../../dsl/document/load-context.ts';

/** A place in the source of a plugin. Line and column count from 1. */
export interface FilePlace {
  readonly file: string;
  readonly line: number;
  readonly column: number;
}

/** An error of a plugin: its message, the remedy, and its place in the source if that is known. */
export interface PluginProblem {
  readonly message: string;
  readonly fix?: string;
  readonly at?: FilePlace;
}

/** A plugin cannot be used. `reason` is the message without the place in the plugin's source. */
export class PluginError extends UsageError {
  readonly reason: string;
  readonly at: FilePlace | undefined;
  constructor({ message, fix, at }: PluginProblem) {
    const place = at === undefined ? '' : ` (${shownPath(at.file)}:${at.line}:${at.column})`;
    super(`${message}${place}`, fix);
    this.reason = message;
    this.at = at;
  }
}
