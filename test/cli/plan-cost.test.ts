import { beforeAll, describe, expect, it } from 'vitest';
import type { CostReport } from '../../src/cli/cost-report.ts';
import { createProject, realPipeline, type Project } from './ravelin.ts';

describe('plan --cost', () => {
  let project: Project;
  const cost = async (...options: readonly string[]): Promise<CostReport> =>
    (await project.json('plan', 'real.yaml', '--cost', '--json', ...options)) as CostReport;

  beforeAll(async () => {
    project = createProject({ 'real.yaml': realPipeline });
    const { code, stderr } = await project.run('run', 'real.yaml', '--backend', 'wasm', '--ui', 'quiet');
    expect(stderr).not.toContain('error');
    expect(code).toBe(0);
  });

  it('is nothing if all is there', async () => {
    const { cost: all } = await cost();
    expect(all.total).toMatchObject({ units: { run: 0, shared: 0 }, seconds: 0, diskBytes: 0 });
    expect(all.total.units.reused).toBeGreaterThan(30);
    const { stdout } = await project.run('plan', 'real.yaml', '--cost');
    expect(stdout).toMatch(/^0 units would be computed\. \d+ units are in the cache/);
  });

  it('is measured for more of the same, and only for what is not there', async () => {
    const { cost: all, measured } = await cost('-S', 'params.images=96');
    // 60 images are there in shards of 16, of which the last one is not full.
    const digits = all.stages.find(({ stage }) => stage === 'digits')!;
    expect(digits.units).toEqual({ run: 3, reused: 3, shared: 0 });
    expect(digits.diskBytes).toBe(3 * 16 * (28 * 28 + 8));
    expect(all.stages.find(({ stage }) => stage === 'classifier')!.units.run).toBe(0);
    const predictions = all.stages.find(({ stage }) => stage === 'predictions')!;
    expect(predictions.secondsBy.measured).toBe(predictions.seconds);
    expect(predictions.seconds).toBeGreaterThan(0);
    expect(all.total.unknownUnits).toBe(0);
    expect(measured.units).toBeGreaterThan(30);
  });

  it('grows with what is computed', async () => {
    const at = async (epochs: number): Promise<number> => {
      project.write('more.yaml', realPipeline.replace('epochs: 4', `epochs: ${epochs}`));
      const report = (await project.json(
        'plan',
        'more.yaml',
        'classifier',
        '--cost',
        '--json',
      )) as CostReport;
      const classifier = report.cost.stages.find(({ stage }) => stage === 'classifier')!;
      expect(classifier.secondsBy.scaled).toBe(classifier.seconds);
      return classifier.seconds;
    };
    const [few, many] = [await at(8), await at(80)];
    expect(many / few).toBeGreaterThan(8);
    expect(many / few).toBeLessThan(10.5);
  });

  it('works without the data, from what the pipeline declares', async () => {
    project.write(
      'absent.yaml',
      `ravelin: 1
name: absent
stages:
  photographs: { uses: dataset/image-folder, with: { path: nowhere, crop: 224, limit: 1000 } }
  network: { uses: model/resnet50, with: { weights: nowhere.pth } }
  adversarial: { uses: attack/fgsm, in: { model: network, images: photographs }, with: { epsilon: 0.1, storeAs: uint8 } }
  predictions: { uses: predict/classify, in: { model: network, images: adversarial } }
`,
    );
    const options = ['--cost', '--gpu', 'h100', '--cache', 'fresh'];
    const report = (await project.json('plan', 'absent.yaml', '--json', ...options)) as CostReport;
    const adversarial = report.cost.stages.find(({ stage }) => stage === 'adversarial')!;
    // The cell and what it prepares: one byte a value, and four.
    expect(adversarial.diskBytes).toBe(1000 * (224 * 224 * 3 * 5 + 8 + 32));
    expect(adversarial.secondsBy.assumed).toBe(adversarial.seconds);
    expect(report.workers.map(({ workers }) => workers)).toEqual([1, 8, 64]);
    const { stdout } = await project.run('plan', 'absent.yaml', ...options);
    expect(stdout).toContain('1,000 images are');
    expect(stdout).toContain('NVIDIA H100');
    for (const line of stdout.split('\n')) expect(Array.from(line).length).toBeLessThanOrEqual(80);
  });

  it('says what is unknown', async () => {
    project.write(
      'unknown.yaml',
      `ravelin: 1
name: unknown
stages:
  photographs: { uses: dataset/image-folder, with: { path: nowhere, limit: 10 } }
  defended: { uses: defense/jpeg, in: { images: photographs } }
`,
    );
    const { stdout } = await project.run('plan', 'unknown.yaml', '--cost');
    expect(stdout).toMatch(/^defended +1 +\? +\? +\? +unknown$/m);
    expect(stdout).toContain('unknown: 2 units of photographs, defended are not in the sums');
    expect(stdout).toMatch(/^at least \S+ .*with \d+ workers?$/m);
  });

  it('refuses a GPU of which nothing is known, and options without --cost', async () => {
    const unknown = await project.run('plan', 'real.yaml', '--cost', '--gpu', 'abacus');
    expect(unknown).toMatchObject({ code: 2 });
    expect(unknown.stderr).toContain("unknown GPU 'abacus'");
    const without = await project.run('plan', 'real.yaml', '--workers', '8');
    expect(without).toMatchObject({ code: 2 });
    expect(without.stderr).toContain('add --cost');
  });
});
