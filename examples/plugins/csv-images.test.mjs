// @ts-check
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { datasetInvariants } from 'ravelin/testing';
import { stages } from './csv-images.mjs';

const folder = mkdtempSync(join(tmpdir(), 'csv-images-'));
after(() => rmSync(folder, { recursive: true }));
const lines = Array.from({ length: 9 }, (_, row) => `${row % 3},${row},10,20,30,40,255`);
writeFileSync(join(folder, 'images.csv'), lines.join('\n'));

const params = { path: 'images.csv', height: 2, width: 3 };
for (const { name, check } of datasetInvariants(stages[0], params, { folder })) test(name, check);
