import { page } from './page.ts';

/** The text of a file, before anything is known of stages. */
export const textPages = {
  'yaml-syntax': page(
    'The text is not YAML',
    'The file could not be read as YAML 1.2, so nothing else in it was checked. The squiggle marks where the parser stopped. The cause is often a line earlier: an unclosed bracket or quote, or indentation with tabs.',
    'with: { keep: 0.5, lambda: 0.03',
    'with: { keep: 0.5, lambda: 0.03 }',
  ),
  'duplicate-key': page(
    'A map has the same key twice',
    'Keys of a YAML map are unique. If a key had two values, one of them would be lost silently. Both places are shown.',
    'with: { steps: 10, steps: 20 }',
    'with: { steps: 20 }',
  ),
  'bad-key': page(
    'A key is not a word',
    'Keys are words, numbers or quoted texts. YAML also allows lists, maps and empty keys, but they have no meaning in a pipeline.',
    '? [a, b]\n: value',
    'a-b: value',
  ),
  'merge-key': page(
    "'<<' is not part of the language",
    'The merge key belongs to YAML 1.1, but pipelines are YAML 1.2. Share parts of stages with templates: and extends:, which also merge maps inside maps and let error messages point at the right place.',
    'strong: { <<: *weak, with: { steps: 100 } }',
    'templates:\n  weak: { uses: attack/i-fgsm, with: { steps: 10 } }\nstages:\n  strong: { extends: weak, with: { steps: 100 } }',
  ),
  'custom-tag': page(
    'A tag is not allowed',
    'Tags such as !!python/object or !include make a YAML reader run code. A pipeline is plain data, so only the tags of YAML itself are allowed.',
    'include: !include common.yaml',
    'include: common.yaml',
  ),
  'many-documents': page(
    'The file holds several YAML documents',
    "A line '---' in the middle of a file begins a second document. A pipeline is one document; parts of it can be in other files.",
    'ravelin: 1\n---\nstages: {}',
    'ravelin: 1\ninclude: stages.yaml',
  ),
  'not-finite': page(
    'A number is infinite or not a number',
    'Values of a pipeline must be finite: NaN and infinity cannot be written as JSON, and would spoil results silently.',
    'with: { lambda: .inf }',
    'with: { lambda: 1e6 }',
  ),
  'rounded-integer': page(
    'An integer has more digits than a number keeps',
    'Numbers are doubles, which hold every whole number up to 9007199254740991 (2⁵³ − 1), and only some of the larger ones. A seed or a limit that is not the one in the file would change results without a word. A number that is a name, such as a date with a time, is a text in quotes.',
    'with: { offset: 9007199254740993 }',
    "with: { name: '20181203153000123' }",
  ),
  'too-large': page(
    'The file, or what it expands to, is too large',
    'The limits are 1 MiB and 200,000 words, signs and blanks per file; 4,096 characters for a text with $(…); 1,000,000 values after templates and $(…) are expanded; 32 axes and 5,000 include: rows per matrix; and 10,000,000 comparisons of cells with exclusions. Pipelines written by people stay far below them, and without limits a generated file could exhaust the memory of the machine.',
    '(a file of 3 MB)',
    'include: [attacks.yaml, defenses.yaml]',
  ),
  'too-many-mistakes': page(
    'The files have more than a hundred errors and warnings',
    'Only the first hundred are reported, and nothing is checked after them. Often they all come from one error near the top of the file, such as a wrong indentation.',
    '(a shopping list)',
    'ravelin: 1',
  ),
  'too-deep': page(
    'Values are nested more than 64 levels deep',
    'No pipeline needs deeper nesting. Files that have it are made to exhaust a parser.',
    'a: [[[[[[[[…]]]]]]]]',
    'a: [[1, 2], [3, 4]]',
  ),
  'too-many-aliases': page(
    'Aliases expand too often',
    'Aliases of aliases grow exponentially: a few lines can expand to gigabytes. At most 100 aliases are expanded.',
    'a: &a [x, x]\nb: &b [*a, *a]\nc: &c [*b, *b]\n…',
    'params:\n  list: [x, x]',
  ),
  'invisible-character': page(
    'A character looks like a space and is not one',
    'Text that is copied from web pages and word processors may hold no-break spaces and characters without a width. YAML reads them as letters, so that a key or a colon is not recognised. This is a warning beside the errors of a file, because it is often their cause.',
    'a: { uses:\u00a0debug/constant }',
    'a: { uses: debug/constant }',
  ),
  'cannot-read': page(
    'The pipeline file cannot be read',
    'The file does not exist, is a folder, or its permissions do not allow reading.',
    'ravelin run pipelines/figure4.yaml',
    'ravelin run pipelines/figure-4.yaml',
  ),
} as const;
