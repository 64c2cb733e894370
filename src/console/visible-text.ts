/**
 * Matches a character that must not reach a terminal as it is: control characters, which begin escape sequences (U+001B, and
 * U+0080 to U+009F in 8-bit form), and the marks that turn the direction of the text around them.
 */
const unsafe = String.raw`[\u0000-\u0008\u000B\u000C\u000E-\u001F\u007F-\u009F\p{Bidi_Control}]`;
/** A carriage return is a line break before a line feed, but overwrites the line anywhere else. */
const unsafeInText = new RegExp(String.raw`${unsafe}|\r(?!\n)`, 'gu');
const unsafeInLine = new RegExp(unsafe, 'gu');

/** Shows each unsafe character as `�`. Line feeds, CRLF and tabs stay. */
export function visibleText(text: string): string {
  return text.replace(unsafeInText, '\uFFFD');
}

/**
 * Shows each unsafe character as `�`, and makes one line of the text, so that a message from elsewhere cannot
 * pass for a line of its own.
 */
export function visibleLine(text: string): string {
  return text.replace(/\r\n|[\n\r\t\u2028\u2029]/g, ' ').replace(unsafeInLine, '\uFFFD');
}

/** Whether a name would be shown in another form than it has. */
export function hasUnsafeCharacters(name: string): boolean {
  return visibleLine(name) !== name;
}

/**
 * JSON of the same value in which unsafe characters are escaped, those too that `JSON.stringify` leaves as they
 * are. `indent` is that of `JSON.stringify`.
 */
export function jsonText(value: unknown, indent?: number): string {
  return JSON.stringify(value, null, indent).replace(
    /[\u007F-\u009F\p{Bidi_Control}]/gu,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}
