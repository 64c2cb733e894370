import { mkdirSync, mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, relative } from 'node:path';
import { expect, it } from 'vitest';
import { localImports } from '../../../src/models/python/local-imports.ts';

function project(files: Readonly<Record<string, string>>): string {
  const folder = mkdtempSync(join(tmpdir(), 'ravelin-imports-'));
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, name)), { recursive: true });
    writeFileSync(join(folder, name), text);
  }
  return folder;
}

const imports = (files: Readonly<Record<string, string>>): readonly string[] => {
  const folder = project(files);
  return localImports(join(folder, 'main.py')).map((path) => relative(folder, path));
};

it.each([
  ['a module', 'import layers', ['layers.py']],
  ['several, with names of their own', 'import os, layers as l, blocks', ['blocks.py', 'layers.py']],
  ['a member of a package', 'from net.wide import WRN', ['net/__init__.py', 'net/wide.py']],
  ['a module of a package', 'from net import wide', ['net/__init__.py', 'net/wide.py']],
  ['a dotted module', 'import net.wide', ['net/__init__.py', 'net/wide.py']],
  ['a list over lines', 'from net import (\n  wide,  # the wide one\n  tall,\n)', ['net/__init__.py', 'net/tall.py', 'net/wide.py']], // prettier-ignore
  ['a continued line', 'from net \\\n  import tall', ['net/__init__.py', 'net/tall.py']],
  ['an import inside of a function', 'def f():\n    from layers import Norm\n', ['layers.py']],
  ['nothing of a library', 'import torch\nfrom torch import nn\n', []],
  ['nothing in a comment', '# import layers\n', []],
])('finds %s', (_, text, expected) => {
  const files = {
    'main.py': text,
    'layers.py': '',
    'blocks.py': '',
    'net/__init__.py': '',
    'net/wide.py': '',
    'net/tall.py': '',
  };
  expect(imports(files)).toEqual(['main.py', ...expected]);
});

it('follows imports of imports, relative ones too, and circles once', () => {
  const files = {
    'main.py': 'import net.wide',
    'net/__init__.py': '',
    'net/wide.py': 'from . import parts\nfrom .deep.inner import x\nfrom ..layers import y',
    'net/parts.py': 'import main',
    'net/deep/__init__.py': '',
    'net/deep/inner.py': 'from ..parts import z',
    'layers.py': '',
  };
  expect(imports(files)).toEqual(['main.py', 'layers.py', 'net/__init__.py', 'net/deep/__init__.py', 'net/deep/inner.py', 'net/parts.py', 'net/wide.py']); // prettier-ignore
});
