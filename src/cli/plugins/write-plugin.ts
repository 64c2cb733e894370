/** Writing a plugin and the line of package.json that allows it. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseJsonText } from '../../files/read-json.ts';
import { readTextFile } from '../../files/read-text.ts';
import { writeWhole } from '../../files/write-whole.ts';
import { packageFolder } from '../package-folder.ts';
import { readPermissions } from './permissions.ts';
import { trust } from './trust.ts';

/** The module of a plugin and its test, as paths. */
export function pluginFiles(root: string, name: string): readonly [plugin: string, test: string] {
  return [join(root, 'plugins', `${name}.mjs`), join(root, 'plugins', `${name}.test.mjs`)];
}

/**
 * Writes the plugin `name` and its test from a template of templates/plugins, and allows it in the project's
 * package.json. Trusts the project if the plugin is the only code that it allows, since the user has just asked
 * for that code.
 */
export function writePlugin(root: string, template: string, name: string): void {
  const source = join(packageFolder(), 'templates', 'plugins', template);
  const title = `${name[0]!.toUpperCase()}${name.slice(1).replaceAll('-', ' ')}`;
  const read = (end: string): string =>
    readFileSync(`${source}${end}`, 'utf8').replaceAll('my-plugin', name).replaceAll('My plugin', title);
  const [plugin, test] = pluginFiles(root, name);
  writeWhole(plugin, read('.mjs'));
  writeWhole(test, read('.test.mjs'));
  allowCode(root, 'plugins', `./plugins/${name}.mjs`);
  const { plugins, python, slurmFlags } = readPermissions(root);
  if (plugins.length === 1 && python.length === 0 && slurmFlags.length === 0) trust(root);
}

/**
 * Adds a module to `ravelin.plugins` or `ravelin.python` of the project's package.json, and creates the file
 * if it is missing. Throws `UsageError` if the file cannot be read.
 */
export function allowCode(root: string, key: 'plugins' | 'python', module: string): void {
  const path = join(root, 'package.json');
  const allowed = readPermissions(root)[key];
  if (allowed.includes(module)) return;
  const text = existsSync(path) ? readTextFile(path) : '{ "private": true }';
  const manifest = parseJsonText(text, path) as Record<string, unknown> & { ravelin?: object };
  const indent = /^[ \t]+/m.exec(text)?.[0] ?? 2;
  manifest.ravelin = { ...manifest.ravelin, [key]: [...allowed, module] };
  writeWhole(path, `${JSON.stringify(manifest, null, indent)}\n`);
}
