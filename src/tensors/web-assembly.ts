/** The part of WebAssembly that kernels use. TypeScript declares it only together with the DOM. */
interface WebAssemblyApi {
  readonly Module: new (bytes: Uint8Array) => object;
  readonly Instance: new (
    module: object,
    imports: Readonly<Record<string, unknown>>,
  ) => { readonly exports: object };
  readonly Memory: new (size: { readonly initial: number }) => KernelMemory;
}

/**
 * The memory of a kernel. Growing it replaces the buffer, so take views after the last call that
 * may grow it.
 */
export interface KernelMemory {
  readonly buffer: ArrayBuffer;
  /** Adds pages of 64 KiB. Throws `RangeError` if there is not enough memory. */
  readonly grow: (pages: number) => number;
}

const { Module, Instance, Memory } = (globalThis as unknown as { readonly WebAssembly: WebAssemblyApi })
  .WebAssembly;
const modules = new Map<string, object>();

/** A memory of one page. */
export function newMemory(): KernelMemory {
  return new Memory({ initial: 1 });
}

/**
 * Returns the exports of a new instance of a module. It works in `memory` if the module imports one, and has a
 * memory of its own otherwise. `base64` is the module from its `*.wasm.ts`; each module is compiled once.
 */
export function instantiateModule(base64: string, memory?: object): object {
  let module = modules.get(base64);
  if (module === undefined) {
    module = new Module(Buffer.from(base64, 'base64'));
    modules.set(base64, module);
  }
  const abort = (): never => {
    throw new Error('a kernel stopped');
  };
  return new Instance(module, { env: { abort, memory } }).exports;
}
