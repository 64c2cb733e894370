import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { cellFileNames } from '../../src/cli/cell-file-names.ts';
import { cutName, foldedName, uniqueFileNames } from '../../src/files/file-names.ts';
import { FilesBeside } from '../../src/report/html/attachments.ts';

describe('uniqueFileNames', () => {
  it('keeps letters of all languages and pictures, and nothing that leads elsewhere', () => {
    const texts = ['ship', 'Schiff ü', '船', '🐈', '..', '.', '', 'a/b', 'c:d', '.git', 'e\u0000'];
    const names = ['ship', 'Schiff ü', '船', '🐈', '__', '_', 'a_b', 'c_d', '_git', 'e_'];
    expect(
      uniqueFileNames(
        texts.filter((text) => text !== ''),
        255,
      ),
    ).toEqual(names);
  });

  it('tells apart what some file systems do not', () => {
    const texts = ['A', 'a', 'é', 'e\u0301', 'x/y', 'x_y', 'alone', 'without a label'];
    const names = uniqueFileNames(texts, 255, ['without a label']);
    expect(names[6]).toBe('alone');
    expect(new Set([...names, 'without a label'].map(foldedName)).size).toBe(9);
    expect(names[0]).toMatch(/^A-[\da-f]{8}$/);
  });

  it('gives names of files, none twice, for any texts', () => {
    fc.assert(
      fc.property(
        fc.uniqueArray(fc.string({ unit: 'grapheme', maxLength: 300 }), { maxLength: 20 }),
        (texts) => {
          const names = uniqueFileNames(texts, 100);
          expect(new Set(names.map(foldedName)).size).toBe(texts.length);
          for (const name of names) {
            expect(Buffer.byteLength(name)).toBeLessThanOrEqual(100);
            expect(name).toMatch(/^[^./\\\0][^/\\\0]*$/);
          }
        },
      ),
    );
  });
});

describe('names of files', () => {
  it('are cut between characters', () => {
    expect(cutName('ship', 4)).toBe('ship');
    expect(cutName('🐈🐈🐈🐈', 15)).toMatch(/^🐈-[\da-f]{8}$/);
  });

  it('of cells have their labels in all languages', () => {
    const cells = ['c[l=é, m=8/255]', 'c[l=A]', 'c[l=a]', 'c[l=🐈]'];
    const names = cells.map(cellFileNames(cells));
    expect(names[0]).toBe('c[l=é,_m=8_255]');
    expect(names[1]).toMatch(/^c\[l=A\]-[\da-f]{8}$/);
    expect(names[3]).toBe('c[l=🐈]');
  });

  it('of attachments differ in more than case', () => {
    const files = new FilesBeside('files');
    const address = (name: string, text: string) => files.address(name, 'text/plain', Buffer.from(text));
    expect(address('A.png', '1')).toBe('files/A.png');
    expect(address('a.png', '2')).toBe('files/a-2.png');
    expect(address('a.png', '1')).toBe('files/A.png');
    expect([...files.files.keys()]).toEqual(['files/A.png', 'files/a-2.png']);
  });
});
