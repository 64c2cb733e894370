/** What the figures of a bench belong to: the processor, its vector instructions and what limits them, Node, and the load. */
import { readFileSync } from 'node:fs';
import { cpus, loadavg } from 'node:os';

/** Each is printed if it is set: what keeps oneDNN, torch's ATen or TensorFlow from instructions that the processor has. */
const limits = ['ONEDNN_MAX_CPU_ISA', 'DNNL_MAX_CPU_ISA', 'ATEN_CPU_CAPABILITY', 'TF_ENABLE_ONEDNN_OPTS'];

/** Prints one line, before the figures. */
export function printHeader(): void {
  const all = cpus();
  const set = limits.flatMap((name) => {
    const value = process.env[name];
    return value === undefined ? [] : [`${name}=${value}`];
  });
  console.log(
    [
      `${all[0]?.model.trim() ?? 'an unknown processor'} (${instructionSet()}), ${all.length} cores`,
      `Node ${process.version}`,
      ...set,
      `load ${loadavg()[0]!.toFixed(1)}`,
      new Date().toISOString().slice(0, 10),
    ].join(', '),
  );
}

/** The widest vectors that the system says the processor has; Linux alone is asked. */
function instructionSet(): string {
  let text: string;
  try {
    text = readFileSync('/proc/cpuinfo', 'utf8');
  } catch {
    return `vector instructions unknown, ${process.arch}`;
  }
  const flags = new Set(/^(?:flags|Features)\s*:\s*(.*)$/m.exec(text)?.[1]?.split(' '));
  if (flags.has('avx512f')) {
    const extensions = ['avx512_vnni', 'avx512_bf16', 'amx_tile'].filter((flag) => flags.has(flag));
    return ['AVX-512', ...extensions.map((flag) => flag.replace(/^avx512_/, '').toUpperCase())].join(' ');
  }
  if (flags.has('avx2')) return 'AVX2, no AVX-512';
  if (flags.has('avx')) return 'AVX, no AVX2';
  return flags.has('asimd') ? 'NEON' : `neither AVX nor NEON, ${process.arch}`;
}
