import { execFileSync } from 'node:child_process';
import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { listImageFolder, type ListingParameters } from '../../src/stages/dataset/shared/folder-listing.ts';
import { failureOf, surveyStage } from './run-stage.ts';

let root: string;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'ravelin-listing-'));
});
afterEach(() => rm(root, { recursive: true }));

/** Empty files: a listing opens no image. */
async function files(...paths: readonly string[]): Promise<void> {
  for (const path of paths) {
    await mkdir(dirname(join(root, path)), { recursive: true });
    await writeFile(join(root, path), '');
  }
}

type Chosen = readonly [path: string, label: number, id: number];

async function listed(params: Partial<ListingParameters> = {}): Promise<readonly Chosen[]> {
  const defaults = { path: 'data', offset: 0, stratify: false, extensions: ['png'] };
  const { entries } = await listImageFolder({ ...defaults, ...params }, (path) => join(root, path));
  return entries.map(({ file, label, id }) => [file.slice(join(root, 'data').length + 1), label, id]);
}

async function refusal(params: Partial<ListingParameters> = {}): Promise<string> {
  const { message, fix } = await failureOf(listed(params));
  expect(fix).toBeTruthy();
  return message.replaceAll(`${root}/`, '');
}

describe('folders inside of a class', () => {
  it('are read in the order of torchvision', async () => {
    await files(
      ...['a/z.png', 'a/sub/2.png', 'a/sub/1.png', 'a/sub-1/x.png', 'a/sub/deep/y.png'].map(
        (p) => `data/${p}`,
      ),
      ...['a/sub2/q.png', 'a/B/w.png', 'a/sub/notes.txt', 'b/only/1.png'].map((path) => `data/${path}`),
    );
    // sorted(os.walk(folder, followlinks=True)), then sorted names, as torchvision.datasets.folder has it.
    expect(await listed()).toEqual([
      ['a/z.png', 0, 0],
      ['a/B/w.png', 0, 1],
      ['a/sub/1.png', 0, 2],
      ['a/sub/2.png', 0, 3],
      ['a/sub-1/x.png', 0, 4],
      ['a/sub/deep/y.png', 0, 5],
      ['a/sub2/q.png', 0, 6],
      ['b/only/1.png', 1, 7],
    ]);
  });

  it('may be links, but not to a folder around them', async () => {
    await files('data/a/1.png', 'elsewhere/2.png');
    await symlink(join(root, 'elsewhere'), join(root, 'data/a/more'));
    expect(await listed()).toEqual([
      ['a/1.png', 0, 0],
      ['a/more/2.png', 0, 1],
    ]);
    await symlink('../..', join(root, 'elsewhere/back'));
    await symlink(join(root, 'data'), join(root, 'elsewhere/loop'));
    expect(await refusal()).toMatch(/^data\/a\/more\/(back|loop).* links to a folder that contains it$/);
  });
});

describe('a list of files', () => {
  beforeEach(() => files('data/a/1.png', 'data/a/2.png', 'data/b/1.png', 'data/b/2 x.png', 'data/c/1.png'));

  it('takes its images in its order, with the ids that they have without it', async () => {
    await writeFile(join(root, 'list.txt'), '\ufeff# mine\r\nb/2 x.png\r\n\r\na/2.png\r\n./c/1.png\r\n');
    expect(await listed({ files: 'list.txt' })).toEqual([
      ['b/2 x.png', 1, 3],
      ['a/2.png', 0, 1],
      ['c/1.png', 2, 4],
    ]);
    expect(await listed({ files: 'list.txt', stratify: true, offset: 1, limit: 1 })).toEqual([
      ['b/2 x.png', 1, 3],
    ]);
  });

  it.each([
    ['a/1.png\na/3.png\n', "list.txt:2 names 'a/3.png', which is not an image of data"],
    ['a/1.png\nb/1.png\na/1.png', "list.txt:3 names 'a/1.png' again, after line 1"],
    ['# nothing\n', 'list.txt names no image'],
  ])('with the text %j is refused', async (text, message) => {
    await writeFile(join(root, 'list.txt'), text);
    expect(await refusal({ files: 'list.txt' })).toBe(message);
  });
});

describe('a choice of images', () => {
  beforeEach(() => files('data/a/1.png', 'data/a/2.png', 'data/b/1.png', 'data/c/1.png', 'data/c/2.png'));

  it('by class keeps labels and ids', async () => {
    expect(await listed({ onlyClasses: ['c', 'a'] })).toEqual([
      ['a/1.png', 0, 0],
      ['a/2.png', 0, 1],
      ['c/1.png', 2, 3],
      ['c/2.png', 2, 4],
    ]);
    expect(await refusal({ onlyClasses: ['a', 'd'] })).toBe(
      "onlyClasses names 'd', which is not a class of data",
    );
  });

  it('by offset and limit gives disjoint parts of the order that stratify makes', async () => {
    const ids = async (params: Partial<ListingParameters>): Promise<readonly number[]> =>
      (await listed(params)).map(([, , id]) => id);
    expect(await ids({ stratify: true })).toEqual([0, 2, 3, 1, 4]);
    expect(await ids({ stratify: true, limit: 2 })).toEqual([0, 2]);
    expect(await ids({ stratify: true, offset: 2 })).toEqual([3, 1, 4]);
    expect(await refusal({ offset: 5 })).toBe('offset 5 leaves no images: the listing has 5');
  });
});

describe('classes that a limit leaves out', () => {
  it('are counted if there was room for them, and the user did not choose', async () => {
    await files(...['a/1', 'a/2', 'a/3', 'b/1', 'c/1'].map((name) => `data/${name}.png`));
    const missed = async (params: Partial<ListingParameters>): Promise<number> => {
      const defaults = { path: 'data', offset: 0, stratify: false, extensions: ['png'] };
      return (await listImageFolder({ ...defaults, ...params }, (path) => join(root, path))).missed;
    };
    expect(await missed({ limit: 3 })).toBe(2);
    expect(await missed({ limit: 4 })).toBe(1);
    // One image is of one class anyway.
    expect(await missed({ limit: 1 })).toBe(0);
    expect(await missed({})).toBe(0);
    expect(await missed({ limit: 3, stratify: true })).toBe(0);
    expect(await missed({ limit: 2, onlyClasses: ['a'] })).toBe(0);
  });
});

describe('names', () => {
  const composed = 'caf\u00e9';
  const apart = 'cafe\u0301';

  it('match in any Unicode form', async () => {
    await files(`data/${apart}/1.png`, `data/${apart}/${apart}.png`, 'data/dog/1.png');
    await writeFile(join(root, 'classes.json'), `\ufeff["dog", "${composed}"]`);
    await writeFile(join(root, 'list.txt'), `${composed}/${composed}.png\n`);
    const named = { classes: 'classes.json', onlyClasses: [composed] };
    expect(await listed(named)).toEqual([
      [`${apart}/1.png`, 1, 1],
      [`${apart}/${apart}.png`, 1, 2],
    ]);
    expect(await listed({ ...named, files: 'list.txt' })).toEqual([[`${apart}/${apart}.png`, 1, 2]]);
    await files(`data/${composed}/1.png`);
    expect(await refusal(named)).toBe(`data has the folder '${composed}' in two Unicode forms`);
  });

  it('of a path say that the disk has another form', async () => {
    await files(`${apart}/a/1.png`);
    expect(await refusal({ path: composed })).toBe(
      `${composed} does not exist, but there is the same name in another Unicode form`,
    );
  });

  it('that are not UTF-8 are refused', async () => {
    await files('data/a/1.png');
    execFileSync('sh', ['-c', `touch "$(printf 'data/a/caf\\351.png')"`], { cwd: root });
    expect(await refusal()).toBe("data/a has a name that is not UTF-8: 'caf\ufffd.png'");
  });
});

describe('a list of classes', () => {
  beforeEach(() => files('data/cat/1.png'));

  it.each([
    ['["cat",]', "classes.json:1:8 is not JSON: a comma stands before ']'"],
    ['["cat", "cat"]', "classes.json names the class 'cat' twice"],
    ['["cat", 1]', 'classes.json has an entry that is not a text (index 1)'],
    ['[]', 'classes.json is not a list of class names'],
  ])('with the text %j is refused by its own name', async (text, message) => {
    await writeFile(join(root, 'classes.json'), text);
    expect(await refusal({ classes: 'classes.json' })).toBe(message);
  });

  it('in UTF-16 is refused by its own name', async () => {
    await writeFile(join(root, 'classes.json'), '\ufeff["cat"]', 'utf16le');
    expect(await refusal({ classes: 'classes.json' })).toBe('classes.json is a text in UTF-16, not in UTF-8');
  });
});

describe('what a survey finds', () => {
  it('changes with the labels and ids that follow from other folders and files', async () => {
    await files('data/a/1.png', 'data/c/1.png');
    const factsOf = async (params: Record<string, unknown>): Promise<unknown> => {
      const survey = await surveyStage('dataset/image-folder', { path: 'data', ...params }, root);
      expect(survey!.files(0, 2)).toEqual([join(root, 'data/a/1.png'), join(root, 'data/c/1.png')]);
      return survey!.facts!(0, 2);
    };
    const params = { stratify: true, limit: 2 };
    const first = await factsOf(params);
    expect(first).toMatchObject({ images: [[0, 0], [1, 1]] }); // prettier-ignore
    // Another file of the first class moves the id of the second image.
    await files('data/a/2.png');
    expect(await factsOf(params)).toMatchObject({ images: [[0, 0], [2, 1]] }); // prettier-ignore
    // A class between them moves its label too, and the names of the classes.
    await rm(join(root, 'data/a/2.png'));
    await files('data/b/1.png');
    await writeFile(join(root, 'list.txt'), 'a/1.png\nc/1.png\n');
    const third = await factsOf({ files: 'list.txt' });
    expect(third).toMatchObject({ images: [[0, 0], [2, 2]] }); // prettier-ignore
    expect((third as { classes: string }).classes).not.toBe((first as { classes: string }).classes);
  });
});
