import type { Tensor, Tensor1D, Tensor2D, Tensor4D } from '@tensorflow/tfjs';
import { tf } from '../../tensors/tf.ts';
import type { LabelLoss, Classifier, InputGradient } from '../classifier.ts';
import { lossGradient } from '../loss-gradient.ts';
import type { PythonProcess } from './python-process.ts';

const floatBytes = 4;

/**
 * A model in a Python process as a classifier. The losses and their gradients with respect to the logits are those of
 * every classifier; Python computes logits, and gradients of Σ cotangent · logits. After a process is lost, the next
 * query starts another one with `start`.
 */
export class PythonClassifier implements Classifier {
  readonly classes: number;
  readonly inputShape: readonly [height: number, width: number, channels: number];
  readonly #start: () => Promise<PythonProcess>;
  #process: PythonProcess;
  /** The last query, since a process answers one after the other. */
  #queue: Promise<unknown> = Promise.resolve();

  constructor(
    process: PythonProcess,
    {
      start,
      classes,
      inputShape,
    }: {
      readonly start: () => Promise<PythonProcess>;
      readonly classes: number;
      readonly inputShape: readonly [number, number, number];
    },
  ) {
    this.#process = process;
    this.#start = start;
    this.classes = classes;
    this.inputShape = inputShape;
  }

  logits(pixels: Tensor4D): Promise<Tensor2D> {
    return this.#inTurn(() => this.#forward('logits', pixels));
  }

  inputGradient(pixels: Tensor4D, labels: Tensor1D, loss: LabelLoss): Promise<InputGradient> {
    return this.#gradient(pixels, async (logits) => {
      const cotangent = lossGradient(logits, labels, loss);
      const values = (await cotangent.data()) as Float32Array;
      cotangent.dispose();
      return values;
    });
  }

  vectorJacobianProduct(pixels: Tensor4D, cotangent: Tensor2D): Promise<InputGradient> {
    return this.#gradient(pixels, async () => (await cotangent.data()) as Float32Array);
  }

  classGradients(
    pixels: Tensor4D,
    classes: Tensor2D,
  ): Promise<{ readonly gradients: Tensor; readonly logits: Tensor2D }> {
    return this.#inTurn(async () => {
      const [rows, chosen] = classes.shape;
      const indices = await classes.data();
      const logits = await this.#forward('forward', pixels);
      const size = pixels.size / rows;
      const gradients = new Float32Array(rows * chosen * size);
      for (let column = 0; column < chosen; column++) {
        const cotangent = new Float32Array(rows * this.classes);
        for (let row = 0; row < rows; row++)
          cotangent[row * this.classes + indices[row * chosen + column]!] = 1;
        const gradient = await this.#backward(pixels, cotangent, column < chosen - 1);
        for (let row = 0; row < rows; row++)
          gradients.set(gradient.subarray(row * size, (row + 1) * size), (row * chosen + column) * size);
      }
      return { gradients: tf.tensor(gradients, [rows, chosen, ...pixels.shape.slice(1)]), logits };
    });
  }

  dispose(): void {
    this.#process.close();
  }

  #gradient(
    pixels: Tensor4D,
    cotangentOf: (logits: Tensor2D) => Promise<Float32Array>,
  ): Promise<InputGradient> {
    return this.#inTurn(async () => {
      const logits = await this.#forward('forward', pixels);
      const gradient = await this.#backward(pixels, await cotangentOf(logits), false);
      return { gradient: tf.tensor4d(gradient, pixels.shape), logits };
    });
  }

  #inTurn<R>(query: () => Promise<R>): Promise<R> {
    const turn = this.#queue.then(async () => {
      if (this.#process.hasEnded) this.#process = await this.#start();
      return query();
    });
    this.#queue = turn.catch(() => undefined);
    return turn;
  }

  async #forward(op: 'logits' | 'forward', pixels: Tensor4D): Promise<Tensor2D> {
    const images = pixels.shape[0];
    const data = (await pixels.data()) as Float32Array;
    const logits = await this.#ask({ op, images }, data, 0, images * this.classes);
    return tf.tensor2d(logits, [images, this.classes]);
  }

  /** The cotangent lies behind the pixels, and the gradient, as large as they are, behind it. */
  #backward(pixels: Tensor4D, cotangent: Float32Array, keep: boolean): Promise<Float32Array> {
    const offset = pixels.size * floatBytes;
    return this.#ask({ op: 'backward', keep, cotangent: offset }, cotangent, offset, pixels.size);
  }

  async #ask(
    request: Readonly<Record<string, unknown>>,
    array: Float32Array,
    offset: number,
    resultCount: number,
  ): Promise<Float32Array> {
    const { arrays } = this.#process;
    const result = offset + array.byteLength;
    arrays.reserve(result + resultCount * floatBytes);
    arrays.write(array, offset);
    await this.#process.request({ ...request, result, size: arrays.bytes });
    return arrays.read(resultCount, result);
  }
}
