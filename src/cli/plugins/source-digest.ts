import { createHash } from 'node:crypto';
import { existsSync, readFileSync, statSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parse } from 'es-module-lexer/js';
import { readJsonFile } from '../../files/read-json.ts';

/**
 * A module and all local modules that it imports or requires by a relative path, in whatever folder they are.
 * Packages that it uses are not followed.
 */
export function sourceFiles(file: string): readonly { readonly path: string; readonly bytes: Buffer }[] {
  const texts = new Map<string, Buffer>();
  const queue = [resolve(file)];
  for (let path = queue.pop(); path !== undefined; path = queue.pop()) {
    if (texts.has(path)) continue;
    const bytes = readFileSync(path);
    texts.set(path, bytes);
    for (const specifier of localImports(bytes.toString())) {
      const found = locate(specifier, path);
      if (found !== null) queue.push(found);
    }
  }
  return [...texts].map(([path, bytes]) => ({ path, bytes }));
}

/**
 * Digest of a module and of the local modules that it uses. After a change of a package, the `version` of a
 * stage must be raised.
 */
export function sourceDigest(file: string): string {
  const hash = createHash('sha256');
  const folder = dirname(resolve(file));
  const parts = sourceFiles(file).map(({ path, bytes }) => [relative(folder, path), bytes] as const);
  parts.sort(([a], [b]) => (a < b ? -1 : 1));
  // The entry is not named, so that renaming a plugin changes nothing.
  for (const [path, bytes] of parts) {
    const name = resolve(folder, path) === resolve(file) ? '' : path;
    hash.update(`${name}\0${bytes.length}\0`).update(bytes);
  }
  return hash.digest('hex');
}

/** Digest of an installed package: its name and version; null if its manifest has none that can be read. */
export function packageDigest(manifest: string): string | null {
  let fields: { readonly name?: unknown; readonly version?: unknown } | null;
  try {
    fields = readJsonFile(manifest) as typeof fields;
  } catch {
    return null;
  }
  const { name, version } = fields ?? {};
  if (typeof name !== 'string' || typeof version !== 'string') return null;
  return createHash('sha256').update(`${name}@${version}`).digest('hex');
}

function localImports(source: string): readonly string[] {
  const required = Array.from(source.matchAll(/\brequire\(\s*['"](\.[^'"]+)['"]\s*\)/g), ([, path]) => path!);
  try {
    const imported = parse(source)[0].flatMap((found) =>
      'specifier' in found && typeof found.specifier === 'string' ? [found.specifier] : [],
    );
    return [...required, ...imported.filter((path) => path.startsWith('.') || path.startsWith('file:'))];
  } catch {
    // Node cannot read what the lexer cannot, unless it is TypeScript with syntax of its own; then only the
    // file itself counts.
    return required;
  }
}

/** The file that a relative specifier means, resolved as Node does; null if there is none. */
function locate(specifier: string, from: string): string | null {
  const path = specifier.startsWith('file:')
    ? fileURLToPath(specifier)
    : resolve(dirname(from), specifier.replace(/[?#].*$/, ''));
  const candidates = [path, `${path}.js`, `${path}.cjs`, `${path}.json`, join(path, 'index.js')];
  return candidates.find((candidate) => existsSync(candidate) && statSync(candidate).isFile()) ?? null;
}
