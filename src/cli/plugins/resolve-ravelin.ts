import * as nodeModule from 'node:module';
import type { ResolveHook } from 'node:module';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { type HookData, initialize, resolve } from './resolve-hook.ts';

let isDone = false;

/**
 * Makes `import 'ravelin'` mean this very ravelin for every module that Node loads from now on. A plugin
 * finds it in a global install too, and its stages are made by the code that runs them.
 */
export function resolveRavelinHere(): void {
  if (isDone) return;
  isDone = true;
  const data: HookData = {
    kit: new URL('kit.js', import.meta.url).href,
    testing: new URL('testing.js', import.meta.url).href,
  };
  const { registerHooks } = nodeModule as {
    readonly registerHooks?: (hooks: { resolve: ResolveHook }) => void;
  };
  if (registerHooks === undefined) {
    nodeModule.register(new URL('resolve-hook.js', import.meta.url), { data });
  } else {
    // Since Node 22.15 hooks may run in this thread, which needs no other one.
    void initialize(data);
    registerHooks({ resolve });
  }
}

/** The specifier to import for a package that is resolved from the project instead of from here. */
export function pluginSpecifier(name: string, root: string): string {
  const parent = pathToFileURL(join(root, 'package.json')).href;
  return `ravelin-plugin:${JSON.stringify([name, parent])}`;
}
