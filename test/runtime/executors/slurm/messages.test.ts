import { appendFileSync, mkdirSync, rmSync } from 'node:fs';
import { dirname } from 'node:path';
import { expect, test } from 'vitest';
import { messagesPath } from '../../../../src/runtime/executors/slurm/batch.ts';
import { MessageReader } from '../../../../src/runtime/executors/slurm/messages.ts';
import { makeFolder } from '../../fixtures/graphs.ts';
import { makeTask } from '../../fixtures/tasks.ts';

test('each complete line is read once, and a line that is being written when it is complete', () => {
  const folder = makeFolder();
  const groups = [
    [makeTask(1, { key: 'a' }), makeTask(2, { key: 'b' })],
    [makeTask(3, { key: 'c' })],
    [makeTask(4, { key: 'd' })],
  ];
  const job = { folder, number: '7', groups, open: new Set([0, 2]) };
  const reader = new MessageReader();
  const read = (): string[] => {
    const messages: string[] = [];
    reader.read(job, (key, message, index) =>
      messages.push(`${index} ${key} ${'message' in message ? message.message : message.type}`),
    );
    return messages;
  };
  const write = (index: number, text: string): void => {
    mkdirSync(dirname(messagesPath(folder, index)), { recursive: true });
    appendFileSync(messagesPath(folder, index), text);
  };

  expect(read()).toEqual([]);
  write(0, '{"type":"started","id":1}\n{"type":"log","id":2,"message":"µ = ½ · €"}\n{"type":"lo');
  write(1, '{"type":"started","id":3}\n');
  write(2, '{"type":"started","id":99}\n');
  expect(read()).toEqual(['0 a started', '0 b µ = ½ · €']);
  expect(read()).toEqual([]);
  write(0, 'g","id":1,"message":"done"}\n');
  expect(read()).toEqual(['0 a done']);
  write(
    0,
    'null\n5\n{"type":"log"}\n{"type":"log","id":1}\n{broken\n{"type":"log","id":1,"message":"goes on"}\n',
  );
  expect(read()).toEqual(['0 a goes on']);
  rmSync(messagesPath(folder, 0));
  expect(read()).toEqual([]);
});
