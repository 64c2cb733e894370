export interface MarkdownTable {
  /** The heads and then the rows; null if the text has no table. */
  readonly rows: readonly (readonly string[])[] | null;
  /** The places of fields in bold, as `row,column`, where the heads are row 0. */
  readonly bold: readonly string[];
  /** The other lines but headings, as text. */
  readonly notes: readonly string[];
}

/** Reads a table back from the Markdown of a figure: its fields, and the lines around it. */
export function readMarkdownTable(markdown: string): MarkdownTable {
  const lines = markdown.split('\n').map((line) => line.trim());
  const [heads, rule, ...body] = lines.filter((line) => line.startsWith('|')).map(fieldsOf);
  const bold = body.flatMap((row, at) =>
    row.flatMap((field, column) => (emphasis.test(field) ? [`${at + 1},${column}`] : [])),
  );
  const rows = [heads ?? [], ...body].map((row) => row.map((field) => plain(field.replace(emphasis, '$1'))));
  const notes = lines
    .filter((line) => line !== '' && !line.startsWith('|') && !line.startsWith('#'))
    .map((line) => plain(line.replace(/^- /, '').replaceAll('**', '')));
  const isTable = heads !== undefined && rule?.every((field) => /^:?-+:?$/.test(field)) === true;
  return { rows: isTable ? rows : null, bold: isTable ? bold : [], notes };
}

/** A field that is bold as a whole: stars of a text are behind backslashes. */
const emphasis = /^\*\*((?:\\.|[^\\])*)\*\*$/;

/** Fields between bars; a bar behind a backslash belongs to its field. */
function fieldsOf(line: string): readonly string[] {
  return [...line.matchAll(/((?:\\.|[^|\\])*)\|/g)].slice(1).map(([, field]) => field!.trim());
}

function plain(text: string): string {
  return text.replaceAll(/\\([\\`*_[\]<>|])/g, '$1');
}
