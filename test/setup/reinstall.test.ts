import { mkdirSync, mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { reinstall } from '../../src/setup/reinstall.ts';

it('says how to bring a package where ravelin is: in its repository, in a project, or globally', () => {
  const folder = mkdtempSync(join(tmpdir(), 'ravelin-reinstall-'));
  for (const name of [
    'repository/ravelin',
    'project/node_modules/ravelin',
    'prefix/lib/node_modules/ravelin',
  ])
    mkdirSync(join(folder, name), { recursive: true });
  writeFileSync(join(folder, 'project/package.json'), '{}');
  expect(reinstall(join(folder, 'repository/ravelin'))).toBe('run npm ci (without --omit=optional)');
  expect(reinstall(join(folder, 'project/node_modules/ravelin'))).toBe(
    `run npm install --include=optional in ${join(folder, 'project')}`,
  );
  expect(reinstall(join(folder, 'prefix/lib/node_modules/ravelin'))).toBe(
    'install ravelin again with npm install --global, without --omit=optional',
  );
  expect(reinstall()).toContain('npm ci');
});
