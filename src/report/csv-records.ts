/** One field of a CSV file, with the place of its first character. Lines and columns count from 1. */
export interface CsvCell {
  readonly text: string;
  readonly line: number;
  readonly column: number;
}

/** An error in a CSV file, with its place. */
export class CsvError extends Error {
  override readonly name = 'CsvError';
  readonly line: number;
  readonly column: number;
  readonly fix: string;
  constructor(at: Pick<CsvCell, 'line' | 'column'>, message: string, fix: string) {
    super(message);
    this.line = at.line;
    this.column = at.column;
    this.fix = fix;
  }
}

/**
 * Reads CSV by RFC 4180, with lines that end in LF, CR LF or CR. Lines that begin with `#` are comments; they and empty
 * lines are skipped. White space around a field is dropped unless the field is quoted. A quoted field may have line
 * breaks. Throws `CsvError`.
 */
export function readCsv(text: string): readonly (readonly CsvCell[])[] {
  const reader = new Reader(text);
  const records: (readonly CsvCell[])[] = [];
  while (!reader.atEnd) {
    if (reader.skipLine()) continue;
    records.push(reader.record());
  }
  return records;
}

class Reader {
  readonly #text: string;
  #at = 0;
  #line = 1;
  #lineStart = 0;

  constructor(text: string) {
    this.#text = text;
  }

  get atEnd(): boolean {
    return this.#at >= this.#text.length;
  }

  /** Skips the line if it is empty or a comment. */
  skipLine(): boolean {
    const rest = /[^\r\n]*/y;
    rest.lastIndex = this.#at;
    const [line] = rest.exec(this.#text)!;
    if (line.trim() !== '' && !line.startsWith('#')) return false;
    this.#at += line.length;
    this.#lineBreak();
    return true;
  }

  record(): readonly CsvCell[] {
    const cells: CsvCell[] = [];
    for (;;) {
      cells.push(this.#cell());
      if (this.#text[this.#at] !== ',') break;
      this.#at++;
    }
    this.#lineBreak();
    return cells;
  }

  #cell(): CsvCell {
    this.#spaces();
    const place = this.#place();
    if (this.#text[this.#at] === '"') return { text: this.#quoted(place), ...place };
    const plain = /[^,\r\n]*/y;
    plain.lastIndex = this.#at;
    const [field] = plain.exec(this.#text)!;
    const quote = field.indexOf('"');
    if (quote >= 0) {
      throw new CsvError(
        { line: place.line, column: place.column + quote },
        'the field has a quote inside, but does not begin with one',
        'put the whole field in quotes, and double the quotes inside: "a ""b"""',
      );
    }
    this.#at += field.length;
    return { text: field.trimEnd(), ...place };
  }

  #quoted(place: Pick<CsvCell, 'line' | 'column'>): string {
    let text = '';
    this.#at++;
    for (;;) {
      const end = this.#text.indexOf('"', this.#at);
      if (end < 0) {
        throw new CsvError(place, 'the quoted field does not end', 'close it with a quote');
      }
      text += this.#text.slice(this.#at, end);
      this.#passLines(this.#at, end);
      this.#at = end + 1;
      if (this.#text[this.#at] !== '"') break;
      text += '"';
      this.#at++;
    }
    this.#spaces();
    const next = this.#text[this.#at];
    if (next !== undefined && next !== ',' && next !== '\r' && next !== '\n') {
      throw new CsvError(
        this.#place(),
        'the field goes on after its closing quote',
        'put a comma or the end of the line behind the quote, and double quotes inside a field',
      );
    }
    return text;
  }

  #spaces(): void {
    while (this.#text[this.#at] === ' ' || this.#text[this.#at] === '\t') this.#at++;
  }

  #lineBreak(): void {
    const from = this.#at;
    if (this.#text[this.#at] === '\r') this.#at++;
    if (this.#text[this.#at] === '\n') this.#at++;
    this.#passLines(from, this.#at);
  }

  /** Counts the lines that end between two places. */
  #passLines(from: number, to: number): void {
    for (const { index, 0: end } of this.#text.slice(from, to).matchAll(/\r\n|\r|\n/g)) {
      this.#line++;
      this.#lineStart = from + index + end.length;
    }
  }

  #place(): { readonly line: number; readonly column: number } {
    return { line: this.#line, column: this.#at - this.#lineStart + 1 };
  }
}
