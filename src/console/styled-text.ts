/** Text with colours of our own. The parts are plain text, so that a colour never comes from what is shown. */
export type StyledText = readonly StyledPart[];

export interface StyledPart {
  readonly text: string;
  readonly style: TextStyle;
}

export type TextStyle = 'plain' | keyof typeof codes;

/** Parameters of the escape sequence that selects a style. */
const codes = { bold: 1, red: 31, yellow: 33, blue: 34, cyan: 36 } as const;

/** The text without its styles. */
export function plainText(styled: StyledText): string {
  return styled.map(({ text }) => text).join('');
}

/** A part with the escape sequences around it. The text in it is not changed. */
export function paint({ text, style }: StyledPart): string {
  return style === 'plain' ? text : `\u001B[${codes[style]}m${text}\u001B[0m`;
}
