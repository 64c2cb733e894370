import { existsSync, realpathSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join, sep } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { Stage } from '../../runtime/stage.ts';
import { exitCodes } from '../exit-codes.ts';
import { complain } from '../output.ts';
import { checkStages } from './check-stages.ts';
import { PluginError } from './plugin-error.ts';
import { pluginSpecifier, resolveRavelinHere } from './resolve-ravelin.ts';
import { packageDigest, sourceDigest } from './source-digest.ts';

/**
 * Imports the stages of a plugin, each with the digest of the plugin's source, so that a change of the plugin
 * changes the keys of its results. `entry` is a package name, or a path from the root that begins with `./`.
 * Throws `PluginError` for a plugin that cannot be loaded or exports something else.
 */
export async function importPlugin(entry: string, root: string): Promise<readonly Stage[]> {
  resolveRavelinHere();
  const isLocal = entry.startsWith('.');
  const path = join(root, entry);
  if (isLocal && !existsSync(path)) {
    throw new PluginError({
      message: `the plugin '${entry}' does not exist`,
      fix: `write it to ${path}, or take it out of package.json`,
    });
  }
  const specifier = isLocal ? pathToFileURL(path).href : pluginSpecifier(entry, root);
  const module = await load(specifier, entry, root);
  const source = isLocal ? sourceDigest(path) : digestOfPackage(entry, root);
  return checkStages(module, entry).map((stage) => ({ ...stage, source, plugin: entry }));
}

async function load(
  specifier: string,
  entry: string,
  root: string,
): Promise<Readonly<Record<string, unknown>>> {
  try {
    return (await untilLoaded(import(specifier), entry)) as Readonly<Record<string, unknown>>;
  } catch (error) {
    if (error instanceof PluginError) throw error;
    const { explainFailure } = await import('./load-failure.ts');
    throw await explainFailure(error, entry, root);
  }
}

/**
 * Resolves to a module that is being loaded. Rejects with `PluginError` if it awaits something that nothing can bring
 * any more, and says so if it ends the process: both would end the command without a word, one of them with success.
 */
function untilLoaded(loading: Promise<unknown>, entry: string): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const onIdle = (): void => {
      done();
      reject(
        new PluginError({
          message: `the plugin '${entry}' cannot be loaded: it waits at its top level for something that never happens`,
          fix: 'remove the await, or move it into a function',
        }),
      );
    };
    const onExit = (): void => {
      complain(
        `error: the plugin '${entry}' ended the process while it was loaded\n  fix: remove its process.exit()`,
      );
      process.exitCode = exitCodes.usage;
    };
    const done = (): void => {
      process.off('beforeExit', onIdle);
      process.off('exit', onExit);
    };
    process.on('beforeExit', onIdle);
    process.on('exit', onExit);
    loading.finally(done).then(resolve, reject);
  });
}

/**
 * A package is identified by name and version. One that is linked into node_modules, as in a workspace, is
 * identified by its source.
 */
function digestOfPackage(name: string, root: string): string {
  for (let folder = root; ; folder = dirname(folder)) {
    const installed = join(folder, 'node_modules', name);
    if (existsSync(join(installed, 'package.json'))) {
      const real = realpathSync(installed);
      if (real.split(sep).includes('node_modules')) {
        const digest = packageDigest(join(real, 'package.json'));
        if (digest !== null) return digest;
        throw new PluginError({
          message: `the plugin '${name}' has a package.json without a name and a version that can be read`,
          fix: `install it again: npm install ${name}`,
        });
      }
      return sourceDigest(createRequire(join(root, 'package.json')).resolve(name));
    }
    if (dirname(folder) === folder) {
      throw new PluginError({
        message: `the plugin '${name}' is not installed`,
        fix: `run npm install ${name}`,
      });
    }
  }
}
