/** WebAssembly as far as kernels use it; TypeScript declares it with the DOM only. */
interface WebAssemblyApi {
  readonly Module: new (bytes: Uint8Array) => object;
  readonly Instance: new (
    module: object,
    imports: Readonly<Record<string, unknown>>,
  ) => { readonly exports: object };
}

/** The memory that a kernel exports. Growing it replaces the buffer: take views after the last call that may grow it. */
export interface KernelMemory {
  readonly buffer: ArrayBuffer;
}

const { Module, Instance } = (globalThis as unknown as { readonly WebAssembly: WebAssemblyApi }).WebAssembly;
const modules = new Map<string, object>();

/** A new instance, with a memory of its own, of a kernel from its `*.wasm.ts`: what it exports. Each is compiled once. */
export function instantiateKernel(base64: string): object {
  let module = modules.get(base64);
  if (module === undefined) {
    module = new Module(Buffer.from(base64, 'base64'));
    modules.set(base64, module);
  }
  const abort = (): never => {
    throw new Error('a kernel stopped');
  };
  return new Instance(module, { env: { abort } }).exports;
}
