import { createRequire } from 'node:module';
import { join, resolve, dirname } from 'node:path';
import { inspect } from 'node:util';
import { didYouMean } from '../../values/nearest.ts';
import { importIn, markedPlace, placeInStack, syntaxErrorIn } from './file-place.ts';
import { PluginError, type PluginProblem } from './plugin-error.ts';
import { sourceFiles } from './source-digest.ts';

/** Says why the import of a plugin failed, what to do, and where in its source that is. */
export async function explainFailure(error: unknown, entry: string, root: string): Promise<PluginError> {
  if (!(error instanceof Error)) {
    const message = `the plugin '${entry}' cannot be loaded: it throws ${inspect(error)}`;
    return new PluginError({ message });
  }
  return new PluginError(
    ofDeclaration(error, entry) ??
      ofTypeScript(error, entry) ??
      ofRequired(error, entry) ??
      ofMissingModule(error, entry, root) ??
      (await ofMissingExport(error, entry)) ??
      ofAnything(error, entry, root),
  );
}

/** The kit refuses a declaration. Its name is compared, because a test may load another copy of the kit. */
function ofDeclaration(error: Error, entry: string): PluginProblem | undefined {
  if (error.name !== 'DeclarationError') return undefined;
  const message = `the plugin '${entry}' declares a stage that cannot be made: ${error.message}`;
  return problem(message, (error as { readonly fix?: string }).fix, placeInStack(error.stack ?? ''));
}

function ofTypeScript(error: Error, entry: string): PluginProblem | undefined {
  if ((error as NodeJS.ErrnoException).code !== 'ERR_UNKNOWN_FILE_EXTENSION') return undefined;
  if (!/\.m?ts$/.test(entry)) return undefined;
  return {
    message: `the plugin '${entry}' is TypeScript, which Node ${process.versions.node} cannot load`,
    fix: 'use Node 22.18 or later, or write it as .mjs with types in comments',
  };
}

/** CommonJS has other words for what is missing, and does not find this ravelin. */
function ofRequired(error: Error, entry: string): PluginProblem | undefined {
  const name = /^Cannot find module '(.+?)'\nRequire stack:/.exec(error.message)?.[1];
  if (name === undefined) return undefined;
  const at = placeInStack(error.stack ?? '');
  return isOwn(name)
    ? problem(
        `the plugin '${entry}' cannot be loaded: it requires '${name}', which is an ES module`,
        `write it as .mjs, with import … from '${name}'`,
        at,
      )
    : problem(
        `the plugin '${entry}' cannot be loaded: it requires '${name}', which is not installed`,
        /^[./]/.test(name) ? 'correct the path' : `run npm install ${name}`,
        at,
      );
}

const parts = ['ravelin', 'ravelin/testing'];

function isOwn(name: string): boolean {
  return name === 'ravelin' || name.startsWith('ravelin/');
}

function ofMissingModule(error: Error, entry: string, root: string): PluginProblem | undefined {
  const found = /^Cannot find (?:package|module) '(.+?)' imported from (.+)$/.exec(error.message);
  if (found === null) return undefined;
  const [name, importer] = [found[1]!, found[2]!];
  if (importer === join(root, 'package.json'))
    return { message: `the plugin '${entry}' is not installed`, fix: `run npm install ${entry}` };
  if (name === 'ravelin') {
    const message = `the plugin '${entry}' cannot be loaded: it imports a part of ravelin that does not exist`;
    const isAbsent = (specifier: string): boolean => isOwn(specifier) && !parts.includes(specifier);
    return problem(message, "import from 'ravelin' or 'ravelin/testing'", importIn(importer, isAbsent));
  }
  const isFile = name.startsWith('/');
  const at = importIn(importer, (specifier) =>
    isFile
      ? resolve(dirname(importer), specifier) === name
      : specifier === name || specifier.startsWith(`${name}/`),
  );
  const what = isFile ? `${name}, which does not exist` : `'${name}', which is not installed`;
  const message = `the plugin '${entry}' cannot be loaded: it imports ${what}`;
  return problem(message, isFile ? 'correct the path of the import' : `run npm install ${name}`, at);
}

async function ofMissingExport(error: Error, entry: string): Promise<PluginProblem | undefined> {
  const found = /module '(.+?)' does not provide an export named '(.+?)'/.exec(error.message);
  if (found === null) return undefined;
  const [from, name] = [found[1]!, found[2]!];
  const kits: Readonly<Record<string, () => Promise<object>>> = {
    ravelin: () => import('../../kit/index.ts'),
    'ravelin/testing': () => import('../../kit/testing/index.ts'),
  };
  const kit = Object.hasOwn(kits, from) ? kits[from] : undefined;
  const known = kit === undefined ? [] : Object.keys(await kit());
  const message = `the plugin '${entry}' cannot be loaded: '${from}' exports no '${name}'${didYouMean(name, known)}`;
  return problem(message, undefined, markedPlace(error.stack ?? ''));
}

/** A syntax error, or whatever the plugin threw while it was loaded. */
function ofAnything(error: Error, entry: string, root: string): PluginProblem {
  const at =
    error instanceof SyntaxError
      ? syntaxErrorIn(filesOf(entry, root))
      : placeInStack(error.stack ?? error.message);
  const what = error.name === 'Error' ? error.message : `${error.name}: ${error.message}`;
  return problem(`the plugin '${entry}' cannot be loaded: ${what}`, undefined, at);
}

function problem(message: string, fix: string | undefined, at: PluginProblem['at']): PluginProblem {
  return { message, ...(fix !== undefined && { fix }), ...(at !== undefined && { at }) };
}

/** The plugin's file and the local modules that it imports; none of a package that cannot be resolved. */
function filesOf(entry: string, root: string): readonly string[] {
  try {
    const file = entry.startsWith('.')
      ? join(root, entry)
      : createRequire(join(root, 'package.json')).resolve(entry);
    return sourceFiles(file).map(({ path }) => path);
  } catch {
    return [];
  }
}
