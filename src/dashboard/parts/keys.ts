/** A key that was pressed. */
export type Key =
  | {
      readonly name:
        | 'up'
        | 'down'
        | 'left'
        | 'right'
        | 'enter'
        | 'escape'
        | 'backspace'
        | 'interrupt'
        | 'page-up'
        | 'page-down'
        | 'tab'
        | 'shift-tab'
        | 'suspend'
        | 'redraw';
    }
  | { readonly name: 'text'; readonly text: string };

/** A key as Ink reports it. */
interface InkKey {
  readonly upArrow: boolean;
  readonly downArrow: boolean;
  readonly leftArrow: boolean;
  readonly rightArrow: boolean;
  readonly pageUp: boolean;
  readonly pageDown: boolean;
  readonly return: boolean;
  readonly escape: boolean;
  readonly backspace: boolean;
  readonly delete: boolean;
  readonly tab: boolean;
  readonly shift: boolean;
  readonly ctrl: boolean;
  readonly meta: boolean;
}

const controlKeys: Readonly<Record<string, readonly Key[]>> = {
  c: [{ name: 'interrupt' }],
  z: [{ name: 'suspend' }],
  l: [{ name: 'redraw' }],
};

/** Text that was pasted or typed fast arrives in one piece; each character becomes a key. */
export function keysOf(text: string, key: InkKey): readonly Key[] {
  if (key.ctrl) return controlKeys[text] ?? [];
  if (key.tab) return [{ name: key.shift ? 'shift-tab' : 'tab' }];
  if (key.upArrow) return [{ name: 'up' }];
  if (key.downArrow) return [{ name: 'down' }];
  if (key.leftArrow) return [{ name: 'left' }];
  if (key.rightArrow) return [{ name: 'right' }];
  if (key.pageUp) return [{ name: 'page-up' }];
  if (key.pageDown) return [{ name: 'page-down' }];
  if (key.return) return [{ name: 'enter' }];
  if (key.escape) return [{ name: 'escape' }];
  if (key.backspace || key.delete) return [{ name: 'backspace' }];
  if (key.meta) return [];
  return Array.from(text, (character): Key => {
    if (character === '\u0003') return { name: 'interrupt' };
    if (character === '\t') return { name: 'tab' };
    if (character === '\r' || character === '\n') return { name: 'enter' };
    return { name: 'text', text: character };
  });
}
