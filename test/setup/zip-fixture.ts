/** A small wheel with chosen content, stored or deflated, and the RECORD that fits it. */
import { createHash } from 'node:crypto';
import { zipSync } from 'fflate';

export function wheelBytes(
  files: Readonly<Record<string, string>>,
  distribution = 'tensorflow_cpu-2.21.0',
): Uint8Array {
  const contents = Object.entries(files).map(
    ([name, text]) => [name, new TextEncoder().encode(text)] as const,
  );
  const record = contents
    .map(([name, bytes]) => {
      const hash = createHash('sha256').update(bytes).digest('base64url');
      return `${name},sha256=${hash},${bytes.length}\n`;
    })
    .join('');
  return zipSync({
    ...Object.fromEntries(
      contents.map(([name, bytes], index) => [name, [bytes, { level: index % 2 === 0 ? 6 : 0 }]]),
    ),
    [`${distribution}.dist-info/RECORD`]: new TextEncoder().encode(
      `${record}${distribution}.dist-info/RECORD,,\n`,
    ),
  });
}
