/** Finds an option that swallows the next one, because its value was forgotten. */
import type { Command } from 'commander';
import { UsageError } from './exit-codes.ts';

/**
 * Lets each option of a program refuse a value that is an option of any of its commands: of `run --cache --json`, a folder with
 * the name `--json` would be made. Throws `UsageError` while the words are parsed.
 */
export function refuseOptionsAsValues(program: Command): void {
  const commands = withSubcommands(program);
  const known = new Set(
    commands.flatMap(({ options }) => options.flatMap(({ short, long }) => [short, long])),
  );
  for (const command of commands) {
    for (const option of command.options) {
      if (!option.required) continue;
      command.on(`option:${option.name()}`, (value: unknown) => {
        if (typeof value !== 'string' || !known.has(value)) return;
        throw new UsageError(
          `'${option.flags}' was given no value, because '${value}' is an option itself`,
          `write its value before ${value}, or './${value}' for a file with that name`,
        );
      });
    }
  }
}

function withSubcommands(command: Command): readonly Command[] {
  return [command, ...command.commands.flatMap(withSubcommands)];
}
