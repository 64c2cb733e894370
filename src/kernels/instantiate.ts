import { timed } from '../timing/phases.ts';

/** The part of WebAssembly that kernels use. TypeScript declares it only together with the DOM. */
interface WebAssemblyApi {
  readonly Module: new (bytes: Uint8Array) => object;
  readonly Instance: new (
    module: object,
    imports: Readonly<Record<string, unknown>>,
  ) => { readonly exports: object };
}

/**
 * The memory that a kernel exports. Growing it replaces the buffer, so take views after the last call that
 * may grow it.
 */
export interface KernelMemory {
  readonly buffer: ArrayBuffer;
}

const { Module, Instance } = (globalThis as unknown as { readonly WebAssembly: WebAssemblyApi }).WebAssembly;
const modules = new Map<string, object>();

/**
 * Returns the exports of a new instance of a kernel, with a memory of its own. `base64` is the module from
 * its `*.wasm.ts`; each module is compiled once. Calls of its functions count as the phase `kernels`.
 */
export function instantiateKernel(base64: string): object {
  let module = modules.get(base64);
  if (module === undefined) {
    module = new Module(Buffer.from(base64, 'base64'));
    modules.set(base64, module);
  }
  const abort = (): never => {
    throw new Error('a kernel stopped');
  };
  const { exports } = new Instance(module, { env: { abort } });
  return Object.fromEntries(
    Object.entries(exports).map(([name, value]: [string, unknown]) => [
      name,
      typeof value === 'function' ? timed('kernels', value as (...numbers: number[]) => unknown) : value,
    ]),
  );
}
