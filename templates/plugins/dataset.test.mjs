// @ts-check
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { datasetInvariants } from 'ravelin/testing';
import { stages } from './my-plugin.mjs';

// The file that the example names, in a folder of its own.
const folder = mkdtempSync(join(tmpdir(), 'images-'));
after(() => rmSync(folder, { recursive: true }));
const images = Array.from({ length: 9 }, (_, row) => ({ label: row % 3, pixels: [row, 10, 20, 255] }));
writeFileSync(join(folder, 'images.json'), JSON.stringify(images));

for (const { name, check } of datasetInvariants(stages[0], stages[0].example, { folder })) test(name, check);
