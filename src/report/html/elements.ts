import { escapeXml } from '../svg.ts';

export type HtmlAttributes = Readonly<Record<string, string | number | true | undefined>>;

/** Elements of HTML that have no end tag. */
const empty: ReadonlySet<string> = new Set(['img', 'input', 'meta', 'col']);

/**
 * Writes `<name a="b">…</name>`. `children` are HTML already; attributes are escaped here, `true` ones have no value, and undefined
 * ones are left out.
 */
export function html(name: string, attributes: HtmlAttributes, ...children: readonly string[]): string {
  const written = Object.entries(attributes).flatMap(([key, value]) => {
    if (value === undefined) return [];
    return value === true ? [` ${key}`] : [` ${key}="${escapeXml(String(value))}"`];
  });
  const start = `<${name}${written.join('')}>`;
  return empty.has(name) ? start : `${start}${children.join('')}</${name}>`;
}

/** Text of any origin as content of HTML. */
export const text = escapeXml;

export interface Column {
  readonly head: string;
  /** Numbers stand at the right. */
  readonly isNumber?: boolean;
}

/** A field of a table: its HTML, and what it is sorted by if that is not its text. */
export interface Field {
  readonly html: string;
  readonly sort?: number | undefined;
}

/**
 * A table whose columns the script of the page sorts when a head is pressed. `caption` says what it shows; one that repeats
 * the heading above it is for those who only hear the table.
 */
export function table(
  caption: string,
  columns: readonly Column[],
  rows: readonly (readonly Field[])[],
  { isCaptionSpoken = false }: { readonly isCaptionSpoken?: boolean } = {},
): string {
  const side = (index: number): string | undefined =>
    columns[index]?.isNumber === true ? 'number' : undefined;
  const heads = columns.map(({ head }, index) =>
    html('th', { scope: 'col', class: side(index) }, text(head)),
  );
  const lines = rows.map((row) =>
    html(
      'tr',
      {},
      ...row.map((field, index) =>
        html(
          'td',
          // The script reads a field that is its own number as it is.
          { class: side(index), 'data-sort': String(field.sort) === field.html ? undefined : field.sort },
          field.html,
        ),
      ),
    ),
  );
  return html(
    'div',
    { class: 'wide', tabindex: 0, role: 'region', 'aria-label': caption },
    html(
      'table',
      {},
      html('caption', {}, isCaptionSpoken ? html('span', { class: 'spoken' }, text(caption)) : text(caption)),
      html('thead', {}, html('tr', {}, ...heads)),
      html('tbody', {}, ...lines),
    ),
  );
}
