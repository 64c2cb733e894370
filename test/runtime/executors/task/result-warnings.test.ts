import { expect, it } from 'vitest';
import { ResultWarnings } from '../../../../src/runtime/executors/task/result-warnings.ts';

it('passes each warning on, and keeps different ones for the record, not too many and none too long', () => {
  const said: string[] = [];
  const warnings = new ResultWarnings((message) => said.push(message));
  expect(warnings.ofRecord()).toEqual({});
  warnings.add('careful');
  warnings.add('careful');
  warnings.add('long '.repeat(1_000));
  expect(said).toHaveLength(3);
  expect(warnings.ofRecord()).toEqual({ warnings: ['careful', 'long '.repeat(400)] });
  for (let index = 0; index < 100; index++) warnings.add(`shard ${index}`);
  expect(warnings.ofRecord().warnings).toHaveLength(50);
});
