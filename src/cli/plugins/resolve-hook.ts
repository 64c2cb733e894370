/** Resolution hooks for plugins, loaded by `module.register` into Node's loader thread. */
import type { InitializeHook, ResolveHook } from 'node:module';

export interface HookData {
  /** URLs of the modules that `ravelin` and `ravelin/testing` mean. */
  readonly kit: string;
  readonly testing: string;
}

let data: HookData | undefined;

export const initialize: InitializeHook<HookData> = (given) => {
  data = given;
};

export const resolve: ResolveHook = (specifier, context, next) => {
  if (specifier === 'ravelin' && data !== undefined) return { url: data.kit, shortCircuit: true };
  if (specifier === 'ravelin/testing' && data !== undefined) return { url: data.testing, shortCircuit: true };
  const prefix = 'ravelin-plugin:';
  if (!specifier.startsWith(prefix)) return next(specifier, context);
  const [name, parentURL] = JSON.parse(specifier.slice(prefix.length)) as [string, string];
  return next(name, { ...context, parentURL });
};
