import { closeSync, openSync, readSync, statfsSync, unlinkSync, writeSync } from 'node:fs';
import { randomUUID } from 'node:crypto';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { MachineError } from '../../values/machine-error.ts';

/** Below this, a memory file system is taken for the small one of a container. */
const enoughBytes = 2 ** 30;
const block = new Uint8Array(2 ** 20);

/**
 * A file without a name through which arrays of float32 pass between this process and one that it starts, which
 * inherits `descriptor`. It lies in memory where the system has room for that, else in the temporary folder, and is
 * gone when both have ended, however they end.
 */
export class SharedArrays {
  readonly descriptor: number;
  #bytes = 0;

  constructor() {
    const path = join(folder(), `ravelin-${randomUUID()}`);
    this.descriptor = openSync(path, 'wx+', 0o600);
    unlinkSync(path);
  }

  /** Bytes of the file. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Makes room for `bytes`; throws `MachineError` if there is none, because to map what is not there would crash. */
  reserve(bytes: number): void {
    try {
      while (this.#bytes < bytes)
        this.#bytes += writeSync(this.descriptor, block, 0, block.length, this.#bytes);
    } catch (error) {
      throw new MachineError(
        `there is no room for ${Math.ceil(bytes / 2 ** 20)} MiB that pass between ravelin and Python`,
        'set TMPDIR to a folder with more room, or use a smaller batchSize',
        error,
      );
    }
  }

  write(array: Float32Array, offset: number): void {
    const bytes = new Uint8Array(array.buffer, array.byteOffset, array.byteLength);
    for (let done = 0; done < bytes.length;)
      done += writeSync(this.descriptor, bytes, done, bytes.length - done, offset + done);
  }

  read(count: number, offset: number): Float32Array {
    const array = new Float32Array(count);
    const bytes = new Uint8Array(array.buffer);
    for (let done = 0; done < bytes.length;) {
      const more = readSync(this.descriptor, bytes, done, bytes.length - done, offset + done);
      if (more === 0) throw new Error('the file that is shared with Python ended early');
      done += more;
    }
    return array;
  }

  close(): void {
    closeSync(this.descriptor);
  }
}

function folder(): string {
  try {
    const { bavail, bsize } = statfsSync('/dev/shm');
    return bavail * bsize >= enoughBytes ? '/dev/shm' : tmpdir();
  } catch {
    return tmpdir();
  }
}
