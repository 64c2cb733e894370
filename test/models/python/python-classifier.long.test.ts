import { rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import type { Rank } from '@tensorflow/tfjs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { members } from '../../../src/attacks/auto-attack.ts';
import { measurePerturbation } from '../../../src/attacks/dissimilarity.ts';
import type { Classifier } from '../../../src/models/classifier.ts';
import { openClassifier } from '../../../src/models/inference.ts';
import { openProgram } from '../../../src/stages/shared/open-program.ts';
import { openBackend } from '../../../src/tensors/backend.ts';
import { tf } from '../../../src/tensors/tf.ts';
import type { Model, ProgramModel } from '../../../src/values/model.ts';
import { attackImages, classify } from '../../attacks/attack-classifier.ts';
import { autoAttackWith } from '../../attacks/every-attack.ts';
import { randomImages } from '../../attacks/linear-classifier.ts';
import { runStage } from '../../stages/run-stage.ts';
import { torchPython } from './torch-python.ts';

const root = resolve('test/models/python/project');
const weights = resolve('test/reference/weight-files/cnn.pth');
const paths = {
  resolve: (path: string): string => resolve(root, path),
  resolveCode: (path: string) => ({ path: resolve(root, path), root }),
};
const shape = { height: 12, width: 8, channels: 2 };

async function make(make: string, more: object = {}): Promise<ProgramModel> {
  const params = { module: 'models.py', make, python: torchPython!, device: 'cpu', ...shape, ...more };
  return (await runStage('model/python', params, { root })).outputs['model'] as ProgramModel;
}

describe.skipIf(torchPython === null)('a model in a Python process', () => {
  const open: Classifier[] = [];
  beforeAll(() => openBackend('wasm'));
  afterAll(() => open.forEach((classifier) => classifier.dispose()));

  async function classifierOf(model: Model): Promise<Classifier> {
    const classifier = 'program' in model ? await openProgram(model, paths) : await openClassifier(model);
    open.push(classifier);
    return classifier;
  }

  it('gives the logits and gradients of the same network in ravelin', async () => {
    const there = await classifierOf(await make('cnn', { weights }));
    const { outputs } = await runStage('model/cnn', {
      ...shape,
      classes: 4,
      filters: [3, 5],
      batchNorm: true,
      dense: [6],
      mean: [0.5],
      std: [0.25],
      weights,
    });
    const here = await classifierOf(outputs['model'] as Model);
    expect(there.classes).toBe(4);
    expect(there.inputShape).toEqual([12, 8, 2]);
    const pixels = tf.randomUniform<Rank.R4>([5, 12, 8, 2], 0, 1, 'float32', 7);
    const labels = tf.tensor1d([0, 1, 2, 3, 1], 'int32');
    const cotangent = tf.randomNormal<Rank.R2>([5, 4], 0, 1, 'float32', 8);
    const classes = tf.tensor2d([[0, 1], [1, 2], [2, 3], [3, 0], [0, 2]], [5, 2], 'int32'); // prettier-ignore
    const answers = async (classifier: Classifier): Promise<Record<string, Float32Array>> => {
      const values: Record<string, Float32Array> = {};
      values['logits'] = (await (await classifier.logits(pixels)).data()) as Float32Array;
      const targeted = { kind: 'targeted-dlr', targets: Int32Array.of(3, 0, 1, 2, 0) } as const;
      for (const loss of ['cross-entropy', 'margin', 'dlr', targeted] as const) {
        const { gradient, logits } = await classifier.inputGradient(pixels, labels, loss);
        const name = typeof loss === 'string' ? loss : loss.kind;
        values[name] = (await gradient.data()) as Float32Array;
        values[`${name} logits`] = (await logits.data()) as Float32Array;
      }
      const product = await classifier.vectorJacobianProduct(pixels, cotangent);
      values['product'] = (await product.gradient.data()) as Float32Array;
      const chosen = await classifier.classGradients(pixels, classes);
      expect(chosen.gradients.shape).toEqual([5, 2, 12, 8, 2]);
      values['classes'] = (await chosen.gradients.data()) as Float32Array;
      return values;
    };
    const [mine, theirs] = [await answers(here), await answers(there)];
    for (const [name, expected] of Object.entries(mine)) {
      const largest = Math.max(...expected.map(Math.abs));
      const difference = Math.max(...expected.map((value, index) => Math.abs(value - theirs[name]![index]!)));
      expect(difference / largest, name).toBeLessThan(1e-5);
      expect(largest, name).toBeGreaterThan(0);
    }
  });

  it('is attacked as the same network in ravelin is: AutoAttack breaks the same images', async () => {
    const there = await classifierOf(await make('cnn', { weights }));
    const layers = { classes: 4, filters: [3, 5], batchNorm: true, dense: [6] };
    const given = { ...shape, ...layers, mean: [0.5], std: [0.25], weights };
    const here = await classifierOf((await runStage('model/cnn', given)).outputs['model'] as Model);
    const drawn = randomImages(6, [12, 8, 2], 4);
    const images = { ...drawn, labels: (await classify(here, drawn)).classes };
    const attack = autoAttackWith({ members: members(1, 'square', 'apgd-dlr', 'apgd-t', 'fab', 'fab-t') });
    const mine = await attackImages(attack, here, images, 0.01);
    const theirs = await attackImages(attack, there, images, 0.01);
    expect(theirs.members!.by).toEqual(mine.members!.by);
    const moved = measurePerturbation(images, theirs.pixels).linf;
    for (const distance of moved) expect(distance).toBeLessThanOrEqual(0.01 + 1e-6);
    expect(Math.max(...moved)).toBeGreaterThan(0);
  });

  it.each([
    ['noisy', 'depend on the random seed'],
    ['stubborn', 'training mode after eval()'],
    ['purifies', 'computes gradients itself'],
    ['throws', null],
  ])('%s: warns of what makes attacks on it unreliable', async (name, warning) => {
    const params = { module: 'models.py', make: name, python: torchPython!, device: 'cpu', ...shape };
    const { warnings } = await runStage('model/python', params, { root });
    if (warning === null) expect(warnings).toEqual([]);
    else expect(warnings).toEqual([expect.stringContaining(warning)]);
  });

  it('starts again after its process was killed, and says that it was', async () => {
    const marker = join(tmpdir(), `ravelin-dies-${process.pid}`);
    rmSync(marker, { force: true });
    const classifier = await classifierOf(await make('dies', { weights, arguments: { marker } }));
    const pixels = tf.fill<Rank.R4>([3, 12, 8, 2], 0.5);
    const labels = tf.tensor1d([0, 1, 2], 'int32');
    await expect(classifier.inputGradient(pixels, labels, 'margin')).rejects.toMatchObject({
      name: 'LostProcessError',
      lossCause: 'out-of-memory',
      message: expect.stringMatching(/was killed, probably by the system/) as string,
    });
    const { gradient } = await classifier.inputGradient(pixels, labels, 'margin');
    expect(gradient.shape).toEqual([3, 12, 8, 2]);
    rmSync(marker, { force: true });
  });

  it('goes on after the code of the model threw, and tells lack of memory apart', async () => {
    const classifier = await classifierOf(await make('throws'));
    const filled = (value: number) => tf.fill<Rank.R4>([2, 12, 8, 2], value);
    await expect(classifier.logits(filled(1))).rejects.toThrow(
      'the code of the model threw ValueError: white pixels',
    );
    await expect(classifier.logits(filled(0))).rejects.toMatchObject({ outOfMemory: true });
    expect((await classifier.logits(filled(0.5))).shape).toEqual([2, 4]);
  });

  it('reports sys.exit as an error of the model, and goes on', async () => {
    const classifier = await classifierOf(await make('exits'));
    const filled = (value: number) => tf.fill<Rank.R4>([2, 12, 8, 2], value);
    const exit = classifier.logits(filled(1));
    await expect(exit).rejects.toThrow("the code of the model called sys.exit('no white pixels')");
    await expect(exit).rejects.toMatchObject({ name: 'PythonError', kind: 'model' });
    expect((await classifier.logits(filled(0.5))).shape).toEqual([2, 4]);
  });

  it('answers queries that are asked at once, each with its own pixels', async () => {
    const classifier = await classifierOf(await make('throws'));
    const ask = async (value: number, rows: number): Promise<Float32Array> =>
      (await (await classifier.logits(tf.fill<Rank.R4>([rows, 12, 8, 2], value))).data()) as Float32Array;
    const [small, large] = await Promise.all([ask(0.25, 1), ask(0.75, 4000)]);
    expect(new Set(small)).toEqual(new Set([0.25]));
    expect(new Set(large)).toEqual(new Set([0.75]));
    expect(large).toHaveLength(16_000);
  });

  it('says what a model lacks', async () => {
    const detached = await classifierOf(await make('detached'));
    const pixels = tf.fill<Rank.R4>([2, 12, 8, 2], 0.5);
    await expect(detached.inputGradient(pixels, tf.tensor1d([0, 1], 'int32'), 'margin')).rejects.toThrow(
      'the logits do not depend on the pixels in a way that torch can differentiate',
    );
    for (const [name, message] of [
      ['no_model', 'no_model returned a int, not a torch.nn.Module'],
      ['fails', 'fails threw FileNotFoundError: no such checkpoint'],
      ['exits_at_once', 'exits_at_once called sys.exit(3)'],
      ['waits', 'waits threw RuntimeError: passive'],
      ['single', 'the model returned logits of 1 class, and a classifier has two or more'],
      ['wrong', 'the model returned [2, 2, 12, 8] for 2 images, not logits [n, classes]'],
      ['absent', "models.py has no function 'absent'; it has"],
    ] as const)
      await expect(make(name), name).rejects.toThrow(`models.py cannot make the model: ${message}`);
    await expect(make('cnn', { weights, python: 'no-such-python' })).rejects.toThrow(
      'Python cannot be started as no-such-python: there is no such program',
    );
  });

  it('does not compute with a model that has changed', async () => {
    const model = await make('cnn', { weights });
    const { identity } = model.program;
    expect(Object.keys(identity.sources)).toEqual(['models.py', 'layers.py']);
    const changed = (change: Partial<typeof identity>): ProgramModel => ({
      ...model,
      program: { ...model.program, identity: { ...identity, ...change } },
    });
    for (const [change, message] of [
      [{ weights: 'a'.repeat(64) }, 'its weights have changed'],
      [{ sources: { 'models.py': identity.sources['models.py']! } }, 'it loads layers.py, which it did not'],
      [{ sources: { ...identity.sources, 'layers.py': 'b' } }, 'layers.py has changed'],
      [{ torch: '0.4.1' }, /torch is .*, and was 0.4.1/],
    ] as const)
      await expect(openProgram(changed(change), paths)).rejects.toThrow(message);
  });
});
