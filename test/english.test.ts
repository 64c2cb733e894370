import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { findRetired } from './english/retired.ts';
import { pages } from './yaml-blocks.ts';

/** Generated modules of WebAssembly hold no text. */
const sources = readdirSync('src', { recursive: true, encoding: 'utf8' })
  .filter((path) => /\.tsx?$/.test(path) && !path.endsWith('.wasm.ts'))
  .map((path) => join('src', path))
  .sort();
const files = [...sources, ...pages, 'ARCHITECTURE.md', 'CONTRIBUTING.md', 'CHANGELOG.md'];

it('the text of src/ and of the documentation has no retired word', () => {
  const findings = files.flatMap((file) => findRetired(file, readFileSync(file, 'utf8')));
  expect(
    findings.map(({ file, line, phrase, instead }) => `${file}:${line}: '${phrase}': write ${instead}`),
  ).toEqual([]);
});

describe('the finder of retired words', () => {
  const phrasesIn = (file: string, text: string): readonly string[] =>
    findRetired(file, text).map(({ line, phrase }) => `${line}: ${phrase}`);

  it('reads docstrings, comments over several lines, literals, templates and JSX', () => {
    const text = [
      '/** Of one image; the others have no gap. */',
      'export const value = `the knob of ${name} is told here`;',
      '/**',
      ' * Each shard is computed',
      ' * anew. As the pixels.',
      ' */',
      "throw new Error('that is no\\nmistake');",
      '// The answer lies on the way',
      '// back to the start.',
      'const element = <Text>one mistake</Text>;',
      'f(() => {',
      '  // A heal at the end of a block.',
      '});',
    ].join('\n');
    expect(phrasesIn('synthetic.tsx', text)).toEqual([
      '1: Of one image;',
      '2: knob',
      '2: told',
      '5: anew',
      '5: As the pixels.',
      '7: is no mistake',
      '7: mistake',
      '8: way back',
      '10: mistake',
      '12: heal',
    ]);
  });

  it('reads pages', () => {
    expect(phrasesIn('page.md', 'One.\n\n**Mistakes** settle\nso many things.')).toEqual([
      '3: Mistakes',
      '3: settle',
      '4: so many',
    ]);
  });

  it('says what to write instead', () => {
    expect(findRetired('page.md', 'a knob')).toEqual([
      { file: 'page.md', line: 1, phrase: 'knob', instead: 'strength' },
    ]);
  });

  it('leaves names, codes and plain English alone', () => {
    const text = [
      "import { tell } from './settled.ts';",
      'const settled = await Promise.allSettled(heal(knob));',
      "report('too-many-mistakes', 'outstanding');",
      '// There is no cell that is no longer needed, so they can be told apart.',
      '// Labels tell the items apart. Of two scores, the first stays.',
      '/** As in PyTorch, the padding counts. There are so many cells that it takes long. */',
    ].join('\n');
    expect(phrasesIn('synthetic.ts', text)).toEqual([]);
  });
});
