/** `numerics: tf32` of a pipeline or profile, by the variable that cuBLAS, cuDNN and the tensorflow backend read. */

/** A value that the user set decides over any pipeline. */
const given = process.env['NVIDIA_TF32_OVERRIDE'];

/**
 * Lets TensorFlow on a GPU compute products with the 10 bits of TF32, or not: in this process, in the workers that it starts and
 * in the jobs that inherit its environment. The choice is part of the numeric identity.
 */
export function allowTf32(isAllowed: boolean): void {
  if (given !== undefined) return;
  if (isAllowed) process.env['NVIDIA_TF32_OVERRIDE'] = '1';
  else delete process.env['NVIDIA_TF32_OVERRIDE'];
}
