import type { Command } from 'commander';
import { exitCodes, type ExitCode, UsageError } from '../exit-codes.ts';
import { print } from '../output.ts';

/** Commands whose words come from the pipeline: those that take cells, params or profiles. */
const asking = ['plan', 'run', 'why', 'export', 'logs', 'validate', 'dag', 'status'];

/**
 * Prints shell completion from the declarations of the commands themselves. The shell completes file names, and asks
 * `ravelin complete` for what only the pipeline knows.
 */
export function completion(shell: string, program: Command): ExitCode {
  const words = completionWords(program);
  switch (shell) {
    case 'bash':
      print(bash(words));
      break;
    case 'zsh':
      print(zsh(words));
      break;
    case 'fish':
      print(fish(words));
      break;
    default:
      throw new UsageError(`there is no completion for '${shell}'`, 'use bash, zsh or fish');
  }
  return exitCodes.ok;
}

interface Words {
  /** `''`, `run`, `cache gc`: the commands typed so far. */
  readonly path: string;
  readonly subcommands: readonly { readonly name: string; readonly description: string }[];
  readonly options: readonly { readonly flag: string; readonly description: string }[];
}

function completionWords(command: Command, path = ''): readonly Words[] {
  const own: Words = {
    path,
    subcommands: command.commands
      .filter((sub) => sub.name() !== 'complete')
      .map((sub) => ({ name: sub.name(), description: sub.description() })),
    options: command.options.flatMap(({ long, description }) => (long ? [{ flag: long, description }] : [])),
  };
  return [
    own,
    ...command.commands.flatMap((sub) =>
      completionWords(sub, path === '' ? sub.name() : `${path} ${sub.name()}`),
    ),
  ];
}

function bash(words: readonly Words[]): string {
  const cases = words.map(
    ({ path, subcommands, options }) =>
      `    '${path}') words='${[...subcommands.map(({ name }) => name), ...options.map(({ flag }) => flag)].join(' ')}' ;;`,
  );
  return `# ravelin completion: eval "$(ravelin completion bash)"
_ravelin() {
  local current="\${COMP_WORDS[COMP_CWORD]}" path='' word words='' found=()
  for word in "\${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
    case "$word" in -*) ;; *) case " ${words.map(({ path }) => path.replaceAll(' ', '/')).join(' ')} " in
      *" \${path:+$path/}$word "*) path="\${path:+$path/}$word" ;;
    esac ;; esac
  done
  case "\${path//\\// }" in
${cases.join('\n')}
  esac
  case "$path" in
    stages) words="$words $(ravelin stages 2>/dev/null | cut -d' ' -f1)" ;;
    new) words="$words attack defense metric report dataset" ;;
    ${asking.join('|')})
      while IFS= read -r word; do found+=("$word"); done < <(ravelin complete bash -- "\${COMP_LINE:0:COMP_POINT}" "$COMP_WORDBREAKS" 2>/dev/null)
      case "\${found[0]:-}" in *[[,=]) compopt -o nospace 2>/dev/null ;; esac ;;
  esac
  COMPREPLY=("\${found[@]}" $(compgen -W "$words" -- "$current") $(compgen -f -- "$current"))
}
complete -o filenames -F _ravelin ravelin
`;
}

/** Words of zsh have no quotes when they are compared, and are quoted again when they are put into the line. */
function zsh(words: readonly Words[]): string {
  const cases = words.map(
    ({ path, subcommands, options }) =>
      `    '${path}') known=(${[...subcommands.map(({ name }) => name), ...options.map(({ flag }) => flag)].join(' ')}) ;;`,
  );
  return `# ravelin completion: source <(ravelin completion zsh)
(( $+functions[compdef] )) || { autoload -Uz compinit && compinit }
_ravelin() {
  local where='' word
  local -a known found
  for word in "\${(@)words[2,CURRENT-1]}"; do
    case " ${words.map(({ path }) => path.replaceAll(' ', '/')).join(' ')} " in
      *" \${where:+$where/}$word "*) where="\${where:+$where/}$word" ;;
    esac
  done
  case "\${where//\\// }" in
${cases.join('\n')}
  esac
  case "$where" in
    stages) known+=(\${(f)"$(ravelin stages 2>/dev/null | cut -d' ' -f1)"}) ;;
    new) known+=(attack defense metric report dataset) ;;
    ${asking.join('|')}) found=(\${(f)"$(ravelin complete zsh -- "\${(@Q)words[2,CURRENT-1]}" "\${(Q)PREFIX}" 2>/dev/null)"}) ;;
  esac
  (( \${#known} )) && compadd -- $known
  (( \${#found} )) && compadd -S '' -- $found
  _files
}
compdef _ravelin ravelin
`;
}

function fish(words: readonly Words[]): string {
  const quote = (text: string) => `'${text.replaceAll("'", "\\'")}'`;
  const lines = words.flatMap(({ path, subcommands, options }) => {
    const parts = path.split(' ').filter((part) => part !== '');
    const condition =
      parts.length === 0
        ? '__fish_use_subcommand'
        : parts.map((part) => `__fish_seen_subcommand_from ${part}`).join('; and ');
    return [
      ...subcommands.map(
        ({ name, description }) =>
          `complete -c ravelin -f -n ${quote(condition)} -a ${name} -d ${quote(description)}`,
      ),
      ...options.map(
        ({ flag, description }) =>
          `complete -c ravelin -n ${quote(condition)} -l ${flag.slice(2)} -d ${quote(description)}`,
      ),
    ];
  });
  const dynamic = [
    `complete -c ravelin -f -n '__fish_seen_subcommand_from stages' -a '(ravelin stages 2>/dev/null | string replace -r " .*" "")'`,
    `complete -c ravelin -n '__fish_seen_subcommand_from ${asking.join(' ')}' -a '(ravelin complete fish -- (commandline -opc)[2..-1] (commandline -ct | string unescape) 2>/dev/null)'`,
    `complete -c ravelin -f -n '__fish_seen_subcommand_from new' -a 'attack defense metric report dataset'`,
  ];
  return `# ravelin completion: ravelin completion fish | source\n${[...lines, ...dynamic].join('\n')}\n`;
}
