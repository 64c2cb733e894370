import { Type } from '@sinclair/typebox';
import { expect, it } from 'vitest';
import { withSharpAdvice } from '../../src/cli/missing-sharp.ts';
import { defineStage, port, type Stage, type StageContext } from '../../src/runtime/stage.ts';

function failing(message: string): Stage {
  return defineStage({
    uses: 'lab/fails',
    version: 1,
    summary: 'Fails',
    with: Type.Object({}),
    in: {},
    out: { images: port('images') },
    run: () => {
      throw new Error(message);
    },
  });
}

async function failureOf(message: string): Promise<unknown> {
  const stage = withSharpAdvice(new Map([['lab/fails', failing(message)]])).get('lab/fails')!;
  try {
    return await stage.run({} as StageContext<never, never>);
  } catch (error) {
    return error;
  }
}

it('a stage that cannot load sharp says how to install it, and any other error stays as it is', async () => {
  const advice = 'Could not load the "sharp" module using the linux-x64 runtime\nPossible solutions:\n- …';
  expect(await failureOf(advice)).toMatchObject({
    name: 'StageError',
    message: 'sharp, which reads and writes images, is not installed for this machine',
    fix: expect.stringContaining('npm ci') as string,
  });
  expect(await failureOf('no such image')).toEqual(new Error('no such image'));
});
