// Writes what is generated from the stages and the language: run it after changing either. A test compares.
import { execFileSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const ravelin = (...parameters) =>
  execFileSync(process.execPath, [`${root}/dist/cli.js`, ...parameters], {
    encoding: 'utf8',
    maxBuffer: 2 ** 26,
  });

writeFileSync(`${root}/schemas/pipeline.schema.json`, ravelin('schema'));
writeFileSync(`${root}/schemas/network.schema.json`, ravelin('schema', '--of', 'network'));
writeFileSync(`${root}/docs/stages.md`, ravelin('stages', '--markdown'));
writeFileSync(`${root}/docs/errors.md`, ravelin('explain', '--markdown'));
mkdirSync(`${root}/man`, { recursive: true });
writeFileSync(`${root}/man/ravelin.1`, ravelin('manual'));
