import { expect, test } from 'vitest';
import { BoundedOutput } from '../../../../src/runtime/executors/local/bounded-output.ts';

function open(): { readonly output: BoundedOutput; readonly passed: string[] } {
  const passed: string[] = [];
  return { output: new BoundedOutput((text) => passed.push(text), { head: 8, tail: 4 }), passed };
}

test('output that is not much is passed on as it comes', () => {
  const { output, passed } = open();
  output.add('one\n');
  output.add('two\n');
  expect(passed).toEqual(['one\n', 'two\n']);
  output.end();
  expect(passed).toEqual(['one\n', 'two\n']);
});

test('of more, the first and the last part are passed on, with how much is left out between', () => {
  const { output, passed } = open();
  for (const digit of '0123456789') output.add(digit.repeat(5));
  expect(passed.join('')).toBe('00000111');
  output.end();
  expect(passed.join('')).toBe('00000111\n[38 characters of output are left out here]\n9999');
});

test('a little more is passed on whole', () => {
  const { output, passed } = open();
  output.add('0123456789ab');
  output.end();
  expect(passed).toEqual(['01234567', '89ab']);
});

test('each unit has its own part', () => {
  const { output, passed } = open();
  output.add('0'.repeat(100));
  output.end();
  passed.length = 0;
  output.add('1'.repeat(8));
  expect(passed).toEqual(['11111111']);
});

test('what is held stays small, whatever comes', () => {
  const { output, passed } = open();
  const million = 'x'.repeat(1_000_000);
  for (let at = 0; at < 100; at++) output.add(million);
  output.end();
  expect(passed).toEqual(['xxxxxxxx', `\n[${1e8 - 12} characters of output are left out here]\nxxxx`]);
});
