import { span, textColumns } from '../parts/theme.ts';
import type { Line, Theme } from '../parts/theme.ts';
import { commands } from './commands.ts';
import type { Abilities, FullView, PaneName } from './full-view.ts';

/** The last line: a message, the query that is typed, or the keys that matter now, in order of importance. */
export function footLine(
  {
    view,
    theme,
    abilities,
    hasFailed,
  }: {
    readonly view: FullView;
    readonly theme: Theme;
    readonly abilities: Abilities;
    readonly hasFailed: boolean;
  },
  width: number,
): Line {
  if (view.confirm !== null)
    return [
      span(`cancel ${view.confirm} and what waits for it?`, 'bold'),
      span('  y cancels it, any other key does not', 'busy'),
    ];
  if (view.command !== null)
    return [span(':', 'bold'), span(view.command), span('_  enter runs it, esc leaves it; try help', 'dim')];
  if (view.note !== '') return [span(view.note, 'busy')];
  if (view.typing || view.query !== '') {
    const hint = view.typing ? '_  enter keeps it, esc ends it' : '  n N next and previous, esc ends it';
    return [span('/', 'bold'), span(view.query), span(hint, 'dim')];
  }
  let text = '';
  for (const hint of hints(view, abilities, hasFailed)) {
    const longer = text === '' ? hint : `${text}${theme.glyphs.separator}${hint}`;
    if (textColumns(longer) <= width) text = longer;
  }
  return [span(text, 'dim')];
}

const paneHints: Readonly<Record<PaneName, readonly string[]>> = {
  stages: ['enter grid', '/ filter'],
  grid: ['enter cell', 'c v axes', '[ ] slice', 'm number', '/ search'],
  cell: ['w why', 'l log', 't timings', 'i recipe', 's images', 'e pager', 'y copy'],
  workers: ['enter cell'],
  history: [],
};

function hints(
  { pane }: FullView,
  { isRecorded, canControl }: Abilities,
  hasFailed: boolean,
): readonly string[] {
  const time = isRecorded ? ['< > time', 'space play'] : ['F small'];
  const control = canControl ? ['p pause', 'x cancel'] : [];
  return [
    '? keys',
    'q quit',
    ...(hasFailed ? ['f failure'] : []),
    ...(hasFailed && canControl ? ['r retry'] : []),
    ...paneHints[pane],
    ...time,
    ...control,
    ': commands',
    '1-5 panes',
    'z zoom',
  ];
}

/** All keys, those of the pane in focus first. */
export function helpLines(pane: PaneName, { isRecorded, canControl }: Abilities): readonly Line[] {
  const keys = (title: string, list: readonly (readonly [string, string])[]): readonly Line[] => [
    [span(title, 'title')],
    ...list.map(([key, meaning]): Line => [span(`  ${key.padEnd(13)}`, 'bold'), span(meaning)]),
    [],
  ];
  const ofPane = keys(`in this pane (${pane})`, paneKeys[pane]);
  const time = keys('in time', [
    ['< > or ← →', 'a fiftieth of the run back or ahead (arrows except in the grid)'],
    [', .', 'to the event before or after'],
    ['0 $', 'to the beginning or the end'],
    ['space', 'play or stop'],
    ['+ -', 'faster or slower'],
  ]);
  return [
    ...ofPane,
    ...keys('everywhere', [
      ['1-5, tab', 'go to a pane'],
      ['arrows, hjk', 'move; g and G to the first and the last'],
      ['z', 'fill the screen with this pane, and back'],
      ['/ n N', 'search, next, previous'],
      ['f', 'go to the next failure'],
      ['w l t i', 'why, log, timings and recipe of the selected cell'],
      ['s', 'see its images before and after'],
      ['e', 'open its whole log in $PAGER'],
      ['o', 'open the figure that was published last'],
      ['y', 'copy its name, or its log, to the clipboard (OSC 52)'],
      [
        'r',
        canControl
          ? 'try the failed cell again, or those of the stage; after the end, copy the command for it'
          : 'copy the command that runs it again',
      ],
      ['Ctrl-L', 'draw all of the screen again'],
      ...(canControl
        ? ([
            ['p', 'pause: start nothing more until p is pressed again'],
            ['x', 'cancel the selected cell and what waits for it, after a question'],
          ] as const)
        : []),
      ...(isRecorded ? [] : ([['F', 'back to the small display below the prompt']] as const)),
      ['Ctrl-C', isRecorded ? 'quit' : 'finish running shards; twice: stop now'],
      ['q', isRecorded ? 'quit' : 'leave; a run goes on with lines'],
    ]),
    ...keys(
      'commands',
      commands
        .filter(({ name }) => canControl || !/^(?:cancel|pause|resume)$/.test(name))
        .map(({ name, parameter, meaning }): readonly [string, string] => [
          `:${name}`,
          parameter === '' ? meaning : `${parameter}: ${meaning}`,
        ]),
    ),
    ...(isRecorded ? time : []),
  ];
}

const paneKeys: Readonly<Record<PaneName, readonly (readonly [string, string])[]>> = {
  stages: [
    ['enter', 'show the cells of the stage'],
    ['/', 'only stages with this text'],
  ],
  grid: [
    ['arrows', 'go to a cell'],
    ['enter', 'show the cell'],
    ['c, v', 'another axis in columns, in rows'],
    ['[ ]', 'other labels of the axes that are not shown'],
    ['m', 'another number than the accuracy'],
  ],
  cell: [
    ['up, down', 'scroll; a log follows its end until then; another image'],
    ['w l t i s', 'why, log, timings, recipe, images'],
    ['/', 'mark lines with this text'],
  ],
  workers: [['up, down', 'select the cell of another worker']],
  history: [['', 'images of each period, the whole run from left to right']],
};
