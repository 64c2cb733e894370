/** The commands of an `sh` block: words as a shell splits them, without comments, variables in front and redirections. */
export function shellCommands(block: string): readonly (readonly string[])[] {
  const commands: string[][] = [];
  for (const line of block.replaceAll(/\\\n/g, ' ').split('\n')) {
    let command: string[] = [];
    let redirected = false;
    const end = (): void => {
      if (command.length > 0) commands.push(command);
      command = [];
    };
    for (const { text, isOperator } of wordsOf(line)) {
      if (isOperator && /^[<>]/.test(text)) redirected = true;
      else if (isOperator) end();
      else if (redirected) redirected = false;
      else if (command.length > 0 || !/^[A-Z_]+=/.test(text)) command.push(text);
    }
    end();
  }
  return commands;
}

interface Word {
  readonly text: string;
  readonly isOperator: boolean;
}

/** A word may have quoted parts. `#` begins a comment only at the beginning of a word. */
function wordsOf(line: string): readonly Word[] {
  const words: Word[] = [];
  const pattern = /\s*(?:(#.*)|(&&|\|\||[|;&<>]+)|((?:'[^']*'|"[^"]*"|[^\s'"|;&<>])+))/gy;
  for (const [, comment, operator, word] of line.matchAll(pattern)) {
    if (comment !== undefined) break;
    if (operator !== undefined) words.push({ text: operator, isOperator: true });
    else words.push({ text: word!.replaceAll(/'([^']*)'|"([^"]*)"/g, '$1$2'), isOperator: false });
  }
  return words;
}
