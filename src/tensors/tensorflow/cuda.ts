/** Settings of TensorFlow on a CUDA device, and the check that it computes there. */

type Environment = Record<string, string | undefined>;

/** The variables of NVIDIA's libraries and of TensorFlow that are set here; a value that the user gave stays. */
const defaults = {
  // Otherwise the first worker takes nearly all memory of the device, and the second fails.
  TF_FORCE_GPU_ALLOW_GROWTH: 'true',
  // cuBLAS and cuDNN: products of float32 numbers with 23 bits after the point, not with the 10 of TF32.
  NVIDIA_TF32_OVERRIDE: '0',
} as const;

/** Sets the variables, which are read once, when TensorFlow is loaded. */
export function prepareCuda(environment: Environment): void {
  for (const [name, value] of Object.entries(defaults)) environment[name] ??= value;
}

/** The part of the numeric identity that the variables decide. */
export function cudaIdentity(environment: Environment): string {
  const override = environment['NVIDIA_TF32_OVERRIDE'] ?? defaults.NVIDIA_TF32_OVERRIDE;
  return override === defaults.NVIDIA_TF32_OVERRIDE ? '-gpu' : '-gpu-tf32';
}

/**
 * Throws an Error if a build for CUDA fell back to the CPU, as it does without a word: its results would have
 * the keys of results from a GPU. The set-up, which names the build in RAVELIN_TENSORFLOW, may run on a
 * machine without a GPU.
 */
export function requireCuda(usesGpu: boolean, environment: Environment): void {
  if (usesGpu || (environment['RAVELIN_TENSORFLOW'] ?? '') !== '') return;
  throw new Error(
    'this TensorFlow is built for CUDA and found no CUDA device that it can use; ' +
      'check that nvidia-smi shows one and that LD_LIBRARY_PATH names no other CUDA, or use --backend wasm',
  );
}
