import { type Document, isScalar, Scalar, visit } from 'yaml';
import type { ParsedYaml } from './parse-yaml.ts';

/** A reference in the syntax of another language: `${axes.eps}`, `{{ params.images }}`. */
export interface ForeignReference {
  readonly start: number;
  readonly end: number;
}

/** As many as errors are reported, because each is looked up among all scalars. */
const most = 100;

const syntax = /\$?\{\{[^{}\n]*\}\}|\$\{[^{}\n]*\}/g;

/**
 * The foreign references that YAML itself reads as maps, as in `{ epsilon: ${axes.eps} }`: each would be
 * several syntax errors, none of which says what to write. References in texts, quoted ones included, are
 * left to the interpolation, and those in comments are ignored.
 */
export function foreignReferences(
  text: string,
  parse: (text: string) => ParsedYaml,
): readonly ForeignReference[] {
  const found: ForeignReference[] = [];
  for (const { index, 0: match } of text.matchAll(syntax)) {
    if (found.push({ start: index, end: index + match.length }) === most) break;
  }
  if (found.length === 0) return [];
  if (!text.includes('{{') && parse(text).problems.length === 0) return [];
  const { documents, exceeded } = parse(withReferences(text, found));
  if (exceeded !== undefined) return [];
  const scalars = documents.flatMap(plainScalars);
  return found.filter(({ start, end }) => scalars.some(([from, to]) => from <= start && end <= to));
}

/** The text with `$(…)` in place of foreign references. Every other character keeps its offset. */
export function withReferences(text: string, references: readonly ForeignReference[]): string {
  let result = '';
  let done = 0;
  for (const { start, end } of references) {
    const inner = text
      .slice(start, end)
      .replace(/^\$?\{+/, (open) => `$(${' '.repeat(open.length - 2)}`)
      .replace(/\}+$/, (close) => `${' '.repeat(close.length - 1)})`);
    result += text.slice(done, start) + inner;
    done = end;
  }
  return result + text.slice(done);
}

function plainScalars(document: Document.Parsed): readonly (readonly [number, number])[] {
  const ranges: (readonly [number, number])[] = [];
  visit(document, {
    Scalar(_, node) {
      if (isScalar(node) && node.type === Scalar.PLAIN && node.range)
        ranges.push([node.range[0], node.range[1]]);
    },
  });
  return ranges;
}

/** The reference of a pipeline that a foreign one means: `${images}` → `$(params.images)`. */
export function properReference(foreign: string): string {
  const inner = foreign.replaceAll(/^\$?\{+|\}+$/g, '').trim();
  if (/^((params|axes|env)\.[\w-]+|name)$/.test(inner)) return `$(${inner})`;
  return `$(params.${/^[\w-]+$/.test(inner) ? inner : 'NAME'})`;
}

export function foreignMessage(foreign: string): string {
  const whose = foreign.startsWith('${') && !foreign.startsWith('${{') ? 'shell' : 'template';
  return `'${foreign}' is ${whose} syntax; a pipeline uses $(…)`;
}
