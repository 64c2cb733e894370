/**
 * Writes SVG elements as text, with escaped attributes and content, and numbers short enough to read in a
 * diff.
 */

const escapes: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

/**
 * Escapes text for content and attributes. Control characters that XML 1.0 forbids even as references are
 * replaced.
 */
export function escapeXml(text: string): string {
  const illegal = /[\u0000-\u0008\u000B\u000C\u000E-\u001F\uFFFE\uFFFF]|\p{Surrogate}/gu;
  const legal = text.replace(illegal, '\uFFFD');
  return legal.replace(/[&<>"']/g, (character) => escapes[character]!);
}

export type Attributes = Readonly<Record<string, string | number | undefined>>;

/**
 * Writes `<name a="b">…</name>`. `children` are SVG text already; attributes are escaped here, and undefined
 * ones left out.
 */
export function element(name: string, attributes: Attributes, ...children: readonly string[]): string {
  let tag = `<${name}`;
  for (const [key, value] of Object.entries(attributes)) {
    if (value === undefined) continue;
    tag += ` ${key}="${typeof value === 'number' ? shortNumber(value) : escapeXml(value)}"`;
  }
  return children.length === 0 ? `${tag}/>` : `${tag}>${children.join('')}</${name}>`;
}

/** Rounds to two decimals, because a hundredth of a pixel is invisible. */
export function shortNumber(value: number): string {
  return String(Math.round(value * 100) / 100);
}

/**
 * Width in pixels of a line of sans-serif text, from the mean advance of its characters in DejaVu Sans, the
 * widest of the usual fallbacks. The estimate is rather too large than too small.
 */
export function textWidth(text: string, fontSize: number): number {
  let ems = 0;
  for (const character of text) {
    if (character.codePointAt(0)! > 0x2e7f) ems += 1;
    else if (/[iljtfr.,:;|!'[\]() ]/.test(character)) ems += 0.38;
    else if (/[mwMW%@—]/.test(character)) ems += 0.92;
    else if (/[A-Z]/.test(character)) ems += 0.7;
    else ems += 0.61;
  }
  return ems * fontSize;
}

/** Cuts text with an ellipsis so that it fits into `width` pixels. */
export function fitText(text: string, width: number, fontSize: number): string {
  if (textWidth(text, fontSize) <= width) return text;
  const characters = Array.from(text);
  while (characters.length > 1 && textWidth(`${characters.join('')}…`, fontSize) > width) characters.pop();
  return `${characters.join('').trimEnd()}…`;
}
