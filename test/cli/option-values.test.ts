import type { Command } from 'commander';
import { describe, expect, it } from 'vitest';
import { createProgram } from '../../src/cli/program.ts';

/** Every option with a value of every command, with the words that lead to it. */
function optionsWithValues(command: Command, words: readonly string[]): readonly (readonly string[])[] {
  const own = command.options
    .filter(({ required, long }) => required && long !== undefined)
    .map(({ long }) => [...words, long!]);
  return [...own, ...command.commands.flatMap((inner) => optionsWithValues(inner, [...words, inner.name()]))];
}

describe('an option whose value was forgotten', () => {
  const all = optionsWithValues(createProgram(), []);

  it.each(all.map((words) => [words.join(' ')]))('%s refuses the next option as its value', async (given) => {
    const words = given.split(' ');
    await expect(
      createProgram().parseAsync(['node', 'ravelin', ...words, '--json', 'pipeline.yaml']),
    ).rejects.toThrow("'--json'");
  });

  it('is found for global options after a command, and for short ones', async () => {
    const refused = createProgram().parseAsync(['node', 'ravelin', 'run', '--cache', '-n']);
    await expect(refused).rejects.toMatchObject({
      message: "'--cache <dir>' was given no value, because '-n' is an option itself",
      fix: "write its value before -n, or './-n' for a file with that name",
    });
    expect(all.length).toBeGreaterThan(40);
  });
});
