import { existsSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/**
 * How to bring an npm package of ravelin's that is missing, as a command: it depends on whether ravelin is a
 * repository, a package of a project or installed globally. `folder` is the one that holds its package.json.
 */
export function reinstall(folder: string = ownFolder()): string {
  const above = dirname(folder);
  if (basename(above) !== 'node_modules') return 'run npm ci (without --omit=optional)';
  const project = dirname(above);
  if (existsSync(join(project, 'package.json'))) return `run npm install --include=optional in ${project}`;
  return 'install ravelin again with npm install --global, without --omit=optional';
}

function ownFolder(): string {
  let folder = dirname(fileURLToPath(import.meta.url));
  while (!existsSync(join(folder, 'package.json')) && dirname(folder) !== folder) folder = dirname(folder);
  return folder;
}
