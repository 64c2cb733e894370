import { expect, test } from 'vitest';
import type { RunEvent } from '../../../src/runtime/events.ts';
import { parseEvent } from '../../../src/runtime/run/parse-event.ts';
import { recordedLedger } from '../../dashboard/fixtures/recorded-ledgers.ts';

type Planned = Extract<RunEvent, { type: 'cell-planned' }>;

test('the ledger of a run says which cells each cell reads, by ranges of those before it', () => {
  const planned = recordedLedger('quickstart-smoke').filter(
    (event): event is Planned => event.type === 'cell-planned',
  );
  const readsOf = (id: string): readonly string[] =>
    (planned.find(({ cell }) => cell === id)!.reads ?? []).flatMap(([first, last]) =>
      planned.slice(first, last + 1).map(({ cell }) => cell),
    );
  expect(readsOf('digits')).toEqual([]);
  expect(readsOf('classifier')).toEqual(['training-digits', 'network']);
  expect(readsOf('scores[attack=fgsm,strength=0.3,defense=jpeg]')).toEqual([
    'digits',
    'predictions[attack=fgsm,strength=0.3,defense=jpeg]',
  ]);
  expect(readsOf('curves')).toEqual(
    planned.filter(({ stage }) => stage === 'scores').map(({ cell }) => cell),
  );
  for (const [position, { reads = [] }] of planned.entries())
    for (const [first, last] of reads) {
      expect(first).toBeLessThanOrEqual(last);
      expect(last).toBeLessThan(position);
    }
});

test('it says which cells are applied on the fly, and which find the results of others', () => {
  const planned = recordedLedger('quickstart-smoke').filter(
    (event): event is Planned => event.type === 'cell-planned',
  );
  const onTheFly = planned.filter((event) => event.onTheFly === true);
  expect(new Set(onTheFly.map(({ uses }) => uses))).toEqual(new Set(['defense/bit-depth']));
  for (const { expected, shards } of planned)
    if (expected !== undefined) expect(expected).toBeLessThan(shards.run);
});

test.each([
  ['reads', [[-1, 0]]],
  ['reads', [[0, 1, 2]]],
  ['reads', 'all'],
  ['expected', -1],
  ['onTheFly', false],
])('a line of a ledger whose %s is %j is no event', (name, value) => {
  const event = recordedLedger('quickstart-smoke').find(({ type }) => type === 'cell-planned');
  expect(parseEvent(JSON.stringify(event))).not.toBeNull();
  expect(parseEvent(JSON.stringify({ ...event, [name]: value }))).toBeNull();
});
