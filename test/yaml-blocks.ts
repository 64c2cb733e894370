import { readdirSync, readFileSync } from 'node:fs';

/** A `yaml` block of a page. A page marks one that is not a whole file as `yaml fragment`. */
export interface YamlBlock {
  readonly page: string;
  readonly line: number;
  readonly mark: string;
  readonly text: string;
}

export const pages: readonly string[] = [
  'README.md',
  ...readdirSync('docs', { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.md'))
    .map((name) => `docs/${name}`)
    .sort(),
];

export function yamlBlocks(page: string): readonly YamlBlock[] {
  const text = readFileSync(page, 'utf8');
  return [...text.matchAll(/^```ya?ml *(.*)\n([^]*?)^```$/gm)].map((match) => ({
    page,
    line: text.slice(0, match.index).split('\n').length,
    mark: match[1]!,
    text: match[2]!,
  }));
}
