import { expect, it } from 'vitest';
import { recordedOutputs } from '../soak/project.ts';
import { conduct, type ConductedChild } from '../conducted/child.ts';
import { commandLine, createProject, type Project } from './ravelin.ts';

const every = 3;
const batchSize = 16;
const pipeline = (epochs: number): string => `ravelin: 1
name: training
stages:
  digits: { uses: dataset/mnist, with: { split: train, limit: 400 } }
  validation: { uses: dataset/mnist, with: { limit: 64 } }
  network: { uses: model/cnn, with: { filters: [4, 8], dense: [16], batchNorm: true } }
  trained:
    uses: train/sgd
    in: { model: network, images: digits, validation: validation }
    with: { epochs: ${epochs}, batchSize: ${batchSize}, augment: { crop: 2, flip: false }, ema: 0.9, keep: best }
`;

function start(project: Project): ConductedChild {
  return conduct([commandLine(), 'run', 'p.yaml', '--ui', 'json', '-j', '1'], {
    cwd: project.folder,
    env: {
      NO_COLOR: '1',
      RAVELIN_CACHE: '',
      RAVELIN_HOME: project.path('home'),
      RAVELIN_CHECKPOINT_STEPS: String(every),
    },
  });
}

/** Steps of the whole training that a run has reported when this number of images was seen, at least. */
async function stepsSeen(run: ConductedChild, images: number): Promise<number> {
  let seen = 0;
  await run.event((event) => {
    if (event.type === 'shard-progress' && event.cell === 'trained') seen = event.done;
    return seen >= images || event.type === 'run-finished';
  });
  return Math.floor(seen / batchSize);
}

/** Steps after which a run has said that it goes on; 0 if it began anew. */
async function stepsResumed(run: ConductedChild): Promise<number> {
  const event = await run.event(
    (each) =>
      (each.type === 'log' && /^(going on|epoch 1 )/.test(each.message)) || each.type === 'run-finished',
  );
  const found =
    event.type === 'log'
      ? /^going on after epoch (\d+) of \d+(?: and (\d+) steps)?/.exec(event.message)
      : null;
  return found === null ? 0 : Number(found[1]) * (400 / batchSize) + Number(found[2] ?? 0);
}

it('a training that is killed at any moment goes on to the same bits, and loses a few steps at most', async () => {
  const whole = createProject({ 'p.yaml': pipeline(6) });
  expect((await whole.run('run', 'p.yaml', '--ui', 'quiet')).code).toBe(0);
  const expected = recordedOutputs(whole.path('.ravelin'));
  const project = createProject({ 'p.yaml': pipeline(6) });
  let steps = 0;
  for (const images of [200, 700, 1300, 1900]) {
    const run = start(project);
    if (steps > 0) {
      const resumed = await stepsResumed(run);
      // The step that was reported last may have been killed before its checkpoint.
      expect(resumed).toBeGreaterThanOrEqual(steps - every);
    }
    steps = Math.max(steps, await stepsSeen(run, images));
    run.kill();
    await run.ended;
  }
  expect(steps).toBeGreaterThan(100);
  const last = start(project);
  expect(await stepsResumed(last)).toBeGreaterThanOrEqual(steps - every);
  expect(await last.ended).toBe(0);
  expect(recordedOutputs(project.path('.ravelin'))).toEqual(expected);
});

it('the first Ctrl-C stops a training after its step, and the next run loses none', async () => {
  const whole = createProject({ 'p.yaml': pipeline(20) });
  expect((await whole.run('run', 'p.yaml', '--ui', 'quiet')).code).toBe(0);
  const project = createProject({ 'p.yaml': pipeline(20) });
  const run = start(project);
  const steps = await stepsSeen(run, 500);
  run.signal('SIGINT');
  expect(await run.ended).toBe(130);
  // It ended long before its 8,000 images, and not with a failure.
  const again = start(project);
  const resumed = await stepsResumed(again);
  expect(resumed).toBeGreaterThanOrEqual(steps);
  expect(resumed).toBeLessThan(500);
  expect(await again.ended).toBe(0);
  expect(recordedOutputs(project.path('.ravelin'))).toEqual(recordedOutputs(whole.path('.ravelin')));
});
