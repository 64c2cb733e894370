import type { Command, Option } from 'commander';

/** The command that is being typed. */
export interface TypedCommand {
  readonly command: Command;
  /** Words that are not options, after the names of the commands, without the one that is being typed. */
  readonly words: readonly string[];
  /** Values of the options so far, by long name: `set` → `['params.images=3']`. */
  readonly values: ReadonlyMap<string, readonly string[]>;
  /** The option whose value is being typed; null for a word. */
  readonly option: Option | null;
  /** The text that is being typed: a word, or the value of an option without `--option=`. */
  readonly typed: string;
  /** The part before `typed` in the same word: `--only=`, or nothing. */
  readonly before: string;
}

/** Reads the words of a command line that is not finished. Options that do not exist count as having no value. */
export function readTyped(program: Command, line: readonly string[]): TypedCommand {
  let command = program;
  const words: string[] = [];
  const values = new Map<string, string[]>();
  const add = (option: Option, value: string): void => {
    values.set(option.name(), [...(values.get(option.name()) ?? []), value]);
  };
  const known = (name: string): Option | undefined =>
    [...command.options, ...program.options].find(({ short, long }) => name === short || name === long);
  const done = line.slice(0, -1);
  const last = line.at(-1) ?? '';
  let waiting: Option | null = null;
  for (const word of done) {
    if (waiting !== null) {
      add(waiting, word);
      waiting = null;
    } else if (word.startsWith('-')) {
      const equals = word.startsWith('--') ? word.indexOf('=') : -1;
      const option = known(equals < 0 ? word : word.slice(0, equals));
      if (option !== undefined && equals >= 0) add(option, word.slice(equals + 1));
      // The value of --force may be left out, and is, if a file or another option follows.
      else if (option?.required === true) waiting = option;
    } else {
      const next: Command | undefined =
        words.length === 0 ? command.commands.find((sub) => sub.name() === word) : undefined;
      if (next === undefined) words.push(word);
      else command = next;
    }
  }
  const equals = last.startsWith('--') ? last.indexOf('=') : -1;
  const inside = waiting === null && equals >= 0 ? known(last.slice(0, equals)) : undefined;
  if (inside !== undefined)
    return {
      command,
      words,
      values,
      option: inside,
      typed: last.slice(equals + 1),
      before: last.slice(0, equals + 1),
    };
  return { command, words, values, option: waiting, typed: last, before: '' };
}
