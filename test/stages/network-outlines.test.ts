import { cpSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { countOperations } from '../../src/models/count-operations.ts';
import type { CostReport } from '../../src/cli/cost-report.ts';
import type { NetworkModel } from '../../src/values/model.ts';
import { createProject } from '../cli/ravelin.ts';
import { runStage, surveyStage } from './run-stage.ts';

const root = fileURLToPath(new URL('../reference', import.meta.url));

const files = [
  ['model/onnx', 'onnx-files/flattened-dynamo.onnx'],
  ['model/onnx', 'onnx-files/gated-torchscript-static.onnx'],
  ['model/onnx', 'onnx-files/tf2onnx.onnx'],
  ['model/torch-export', 'torch-export-files/vit.pt2'],
  ['model/torch-export', 'torch-export-files/convnext-static.pt2'],
  ['model/network', 'network-files/ours.json'],
  ['model/network', 'network-files/torch.json'],
] as const;

describe('the outline of a network from a file', () => {
  it.each(files)('%s says of %s what the model itself has', async (uses, path) => {
    const params = { path };
    const model = (await runStage(uses, params, { root })).outputs['model'] as NetworkModel;
    const outline = await (await surveyStage(uses, params, root))!.outline!();
    const operations = countOperations(model.network);
    expect(outline!.out['model']).toEqual({ kind: 'model', ...operations, classes: model.network.classes });
    expect(operations.multiplyAdds).toBeGreaterThan(0);
  });

  it('is unknown without the file, and the plan says so', async () => {
    const survey = await surveyStage('model/onnx', { path: 'absent.onnx' }, root);
    expect(await survey!.outline!()).toBeNull();
    const project = createProject();
    mkdirSync(project.path('nets'));
    cpSync(join(root, 'torch-export-files/vit.pt2'), project.path('nets/vit.pt2'));
    const pipeline = (name: string): string => `ravelin: 1
name: cost
backend: wasm
stages:
  digits: { uses: dataset/mnist, with: { split: test, limit: 16 } }
  network: { uses: model/torch-export, with: { path: nets/${name} } }
  predictions: { uses: predict/classify, in: { model: network, images: digits } }
`;
    const cost = async (name: string): Promise<CostReport> => {
      project.write('p.yaml', pipeline(name));
      return (await project.json('plan', 'p.yaml', '--cost', '--json')) as CostReport;
    };
    const { cost: known } = await cost('vit.pt2');
    expect(known.total.unknownUnits).toBe(0);
    expect(known.stages.find(({ stage }) => stage === 'predictions')!.seconds).toBeGreaterThan(0);
    const { cost: unknown, missing } = await cost('absent.pt2');
    expect(unknown.total.unknownUnits).toBe(2);
    expect(missing).toMatchObject([{ uses: 'model/torch-export', images: null, isNetwork: true }]);
    const { stdout } = await project.run('plan', 'p.yaml', '--cost');
    expect(stdout.replaceAll(/\s+/g, ' ')).toContain(
      'absent.pt2 does not exist, so what its network costs is not known.',
    );
  });
});
