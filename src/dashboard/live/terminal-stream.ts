import { writeAsIs, written } from '../../console/write.ts';

/** Node leaves `isTTY` undefined if stdin is a file or a pipe, whatever its type says. */
export function isTerminal(stdin: NodeJS.ReadStream): boolean {
  return (stdin.isTTY as boolean | undefined) === true;
}

/** A terminal that loses its size is taken for one of 24 rows. A frame needs a row, and the cursor another. */
export function sizeOf(stdout: NodeJS.WriteStream): { readonly columns: number; readonly rows: number } {
  return { columns: stdout.columns || 80, rows: Math.max(2, stdout.rows || 24) };
}

/**
 * The terminal as Ink sees it: it always has a size, because Ink clears the screen with all that scrolled away
 * if a frame is not lower than the terminal; and it takes text also when the terminal is gone.
 */
export function forInk(stdout: NodeJS.WriteStream): NodeJS.WriteStream {
  return new Proxy(stdout, {
    get(target, name) {
      if (name === 'rows' || name === 'columns') return sizeOf(target)[name];
      if (name === 'write')
        return (text: string, done?: () => void) => {
          writeAsIs(target, text);
          if (done !== undefined) void written(target).then(done);
          return true;
        };
      const value: unknown = Reflect.get(target, name, target);
      return typeof value === 'function' ? (value.bind(target) as unknown) : value;
    },
  });
}
