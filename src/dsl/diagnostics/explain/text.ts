import { page } from './page.ts';

/** The text of a file, before anything is known of stages. */
export const textPages = {
  'yaml-syntax': page(
    'The text is not YAML',
    'The file could not be read as YAML 1.2, so nothing else in it was judged. The squiggle is where the parser gave up; the cause is often a line earlier: a bracket that is not closed, a quote, or an indentation by tabs.',
    'with: { keep: 0.5, lambda: 0.03',
    'with: { keep: 0.5, lambda: 0.03 }',
  ),
  'duplicate-key': page(
    'A key stands twice in one map',
    'YAML maps have unique keys. Of two values for one key one would be lost silently, so both places are shown instead.',
    'with: { steps: 10, steps: 20 }',
    'with: { steps: 20 }',
  ),
  'bad-key': page(
    'A key is not a word',
    'Keys are words, numbers or quoted texts. Lists, maps and empty keys can be written in YAML but name nothing here.',
    '? [a, b]\n: value',
    'a-b: value',
  ),
  'merge-key': page(
    "'<<' is not part of the language",
    'The merge key belongs to YAML 1.1. Pipelines are YAML 1.2; shared parts of stages have their own keys, which also merge maps inside maps and show up in error messages with their places.',
    'strong: { <<: *weak, with: { steps: 100 } }',
    'templates:\n  weak: { uses: attack/i-fgsm, with: { steps: 10 } }\nstages:\n  strong: { extends: weak, with: { steps: 100 } }',
  ),
  'custom-tag': page(
    'A tag asks for more than data',
    'Tags such as !!python/object or !include make a YAML reader do things. A pipeline is data: it has no tags but those of YAML itself.',
    'include: !include common.yaml',
    'include: common.yaml',
  ),
  'many-documents': page(
    'The file holds several YAML documents',
    "A line '---' in the middle of a file begins a second document. A pipeline is one document; parts of it can live in other files.",
    'ravelin: 1\n---\nstages: {}',
    'ravelin: 1\ninclude: stages.yaml',
  ),
  'not-finite': page(
    'A number is infinite or not a number',
    'Values of a pipeline are finite: NaN and infinity have no JSON form and would poison results without a word.',
    'with: { lambda: .inf }',
    'with: { lambda: 1e6 }',
  ),
  'too-large': page(
    'The file has more than 1 MiB or 200,000 words, signs and blanks, or what is put together from it is too much',
    'Pipelines are written by people. A file of this size is generated or is not a pipeline, and so is a text with $(…) of more than 4,096 characters, a pipeline of more than 1,000,000 values after templates and $(…) are put in, a matrix of more than 32 axes or 5,000 rows under include:, or one with more than 10,000,000 comparisons of cells with exclusions. Reading on could take the machine down.',
    '(a file of 3 MB)',
    'include: [attacks.yaml, defenses.yaml]',
  ),
  'too-many-mistakes': page(
    'The files hold more than a hundred mistakes and warnings',
    'Only the first hundred are told, and nothing is looked at after them. Most often one mistake high up in the file, such as a wrong indentation, is behind them all.',
    '(a list of shopping)',
    'ravelin: 1',
  ),
  'too-deep': page(
    'Values are nested more than 64 levels deep',
    'No pipeline needs this; files that do it are made to exhaust a program.',
    'a: [[[[[[[[…]]]]]]]]',
    'a: [[1, 2], [3, 4]]',
  ),
  'too-many-aliases': page(
    'Aliases expand too often',
    'Aliases of aliases grow exponentially: a few lines can stand for gigabytes. At most 100 expansions are followed.',
    'a: &a [x, x]\nb: &b [*a, *a]\nc: &c [*b, *b]\n…',
    'params:\n  list: [x, x]',
  ),
  'cannot-read': page(
    'The pipeline file cannot be read',
    'There is no such file, it is a folder, or its permissions forbid reading.',
    'ravelin run pipelines/figure4.yaml',
    'ravelin run pipelines/figure-4.yaml',
  ),
} as const;
