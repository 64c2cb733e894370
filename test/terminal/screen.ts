/**
 * What a terminal shows, as far as our output needs it: text, line breaks, and the escape sequences that move
 * the cursor and erase. Every character takes one column. Pictures are left out (`graphics.ts` reads them).
 */
export interface TerminalScreen {
  readonly write: (text: string) => void;
  /** The lines, those that scrolled away first, without blanks at their ends. */
  readonly lines: () => readonly string[];
  /** How often everything that had scrolled away was erased. */
  readonly erased: () => number;
}

const sequence =
  /\u001B\[(?<parameters>[\d;?<>=]*)(?<command>[A-Za-z])|\u001B\][^\u0007\u001B]*(?:\u0007|\u001B\\)|\u001B[_P][^\u001B]*\u001B\\/y;

export function createTerminalScreen(rows: number): TerminalScreen {
  const lines: string[][] = [[]];
  let [row, column, erased] = [0, 0, 0];
  const top = (): number => Math.max(0, lines.length - rows);
  const moveTo = (to: number): void => {
    row = Math.max(top(), to);
    while (lines.length <= row) lines.push([]);
  };
  const put = (character: string): void => {
    const line = lines[row]!;
    while (line.length < column) line.push(' ');
    line[column++] = character;
  };
  const erase = (mode: string): void => {
    if (mode === '3') {
      erased++;
      lines.splice(0, top());
      row = Math.min(row, lines.length - 1);
    } else if (mode === '2') {
      for (let index = top(); index < lines.length; index++) lines[index] = [];
    } else {
      lines[row]!.length = Math.min(lines[row]!.length, column);
      lines.length = row + 1;
    }
  };
  const obey = (command: string, parameters: string): void => {
    const count = Math.max(1, Number.parseInt(parameters, 10) || 1);
    if (command === 'A') moveTo(row - count);
    else if (command === 'B' || command === 'E') moveTo(row + count);
    else if (command === 'G') column = count - 1;
    else if (command === 'H') {
      const [toRow = 1, toColumn = 1] = parameters.split(';').map(Number);
      moveTo(top() + Math.max(1, toRow) - 1);
      column = Math.max(1, toColumn) - 1;
    } else if (command === 'J') erase(parameters);
    else if (command === 'X') {
      const line = lines[row]!;
      for (let at = column; at < Math.min(line.length, column + count); at++) line[at] = ' ';
    } else if (command === 'K') lines[row] = parameters === '2' ? [] : lines[row]!.slice(0, column);
  };
  let rest = '';
  return {
    write(text) {
      const all = rest + text;
      rest = '';
      for (let index = 0; index < all.length; index++) {
        const character = all[index]!;
        if (character === '\u001B') {
          sequence.lastIndex = index;
          const match = sequence.exec(all);
          if (match === null) {
            // It may have been cut.
            rest = all.slice(index);
            return;
          }
          if (match.groups?.['command'] !== undefined)
            obey(match.groups['command'], match.groups['parameters'] ?? '');
          index += match[0].length - 1;
        } else if (character === '\n') moveTo(row + 1);
        else if (character === '\r') column = 0;
        else put(character);
      }
    },
    lines: () => lines.map((line) => line.join('').trimEnd()),
    erased: () => erased,
  };
}
