/** Writes the manual page of the command line from its commands, in the language of man(7). */
import type { Command, Option } from 'commander';

/** The whole page; `program` is the command `ravelin`. */
export function manualPage(program: Command): string {
  return [
    `.\\" Made by npm run generate from the commands. Do not edit.`,
    `.TH RAVELIN 1 "" "ravelin ${program.version() ?? ''}" "User Commands"`,
    '.SH NAME',
    `ravelin \\- ${lowerFirst(escape(program.description()))}`,
    '.SH SYNOPSIS',
    '.B ravelin',
    '.I command',
    '[\\fIoptions\\fR]',
    '.SH DESCRIPTION',
    'A pipeline is a YAML file of stages. ravelin checks it, works out which results are missing, computes only these, and keeps them by content. Commands that read a pipeline take',
    '.I pipeline.ravelin.yaml',
    'of the current folder if none is named.',
    '.SH OPTIONS OF ALL COMMANDS',
    ...program.options.flatMap(optionLines),
    '.SH COMMANDS',
    ...commandsOf(program).flatMap((command) => commandLines(command)),
    '.SH EXIT STATUS',
    ...exitStatus.flatMap(([code, meaning]) => ['.TP', `.B ${code}`, escape(meaning)]),
    '.SH ENVIRONMENT',
    ...environment.flatMap(([name, meaning]) => ['.TP', `.B ${name}`, escape(meaning)]),
    '.SH FILES',
    '.TP',
    '.I .ravelin/',
    'The cache beside the pipeline: results, runs and what is remembered.',
  ].join('\n');
}

const exitStatus: readonly (readonly [string, string])[] = [
  ['0', 'All is well.'],
  ['1', 'A cell failed, or the machine cannot do it.'],
  ['2', 'The command or the pipeline is wrong.'],
  ['3', 'The run went on after failures.'],
  ['5', 'A result could not be stored or published.'],
  ['10', 'There is work to do (plan --exit-code, or run --confirm that was refused).'],
  ['130', 'The run was interrupted.'],
];

const environment: readonly (readonly [string, string])[] = [
  ['RAVELIN_HOME', 'Folder of what the set-ups install (~/.cache/ravelin).'],
  ['RAVELIN_TRUST', '1 lets the plugins of a project run in this command.'],
  ['RAVELIN_PYTHON', 'Python whose pip downloads TensorFlow.'],
  ['NO_COLOR', 'Any value turns colours off.'],
];

function commandsOf(program: Command): readonly Command[] {
  return program.commands.filter((command) => !isHidden(command));
}

/** Commander has no public way to ask. */
function isHidden(command: Command): boolean {
  return (command as unknown as { readonly _hidden?: boolean })._hidden === true;
}

function commandLines(command: Command, above = ''): readonly string[] {
  const name = `${above}${command.name()}`;
  const inner = commandsOf(command);
  const words = command.registeredArguments.map((argument) => {
    const word = `${argument.name()}${argument.variadic ? '...' : ''}`;
    return argument.required ? `<${word}>` : `[${word}]`;
  });
  return [
    `.SS ${escape(['ravelin', name, ...words].join(' '))}`,
    `${upperFirst(escape(command.description()))}.`,
    ...command.options.filter((option) => !option.hidden).flatMap(optionLines),
    ...inner.flatMap((each) => commandLines(each, `${name} `)),
  ];
}

function optionLines(option: Option): readonly string[] {
  const choices = option.argChoices === undefined ? '' : ` (${option.argChoices.join(', ')})`;
  return ['.TP', `.B ${escape(option.flags)}`, `${upperFirst(escape(`${option.description}${choices}`))}.`];
}

/** Text that roff prints as it is: a backslash, a hyphen, and a line that would be a request. */
function escape(text: string): string {
  return text
    .replaceAll('\\', '\\e')
    .replaceAll('-', '\\-')
    .replaceAll('\n', ' ')
    .replace(/^([.'])/, '\\&$1');
}

function upperFirst(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}

function lowerFirst(text: string): string {
  return text.charAt(0).toLowerCase() + text.slice(1);
}
