import type { TaskMessage, TaskOutcome } from '../../executor.ts';

type Fields = Readonly<Record<string, unknown>>;

/**
 * Reads a message of a worker. It came through a pipe or a file, and the code of a plugin in the worker may have
 * written to that too. Returns null for anything that is not a message.
 */
export function readTaskMessage(value: unknown): TaskMessage | null {
  return isMap(value) && Number.isInteger(value['id']) && hasFields(value) ? (value as TaskMessage) : null;
}

/** Reads the last message of a task; null for anything else. */
export function readTaskOutcome(value: unknown): TaskOutcome | null {
  const message = readTaskMessage(value);
  return message !== null && isOutcome(message) ? message : null;
}

export function isOutcome(message: TaskMessage): message is TaskOutcome {
  return ['committed', 'failed', 'returned', 'damaged', 'lost'].includes(message.type);
}

function hasFields(message: Fields): boolean {
  const has = (type: 'number' | 'string' | 'boolean', ...names: readonly string[]): boolean =>
    names.every((name) => typeof message[name] === type);
  switch (message['type']) {
    case 'started':
    case 'returned':
      return true;
    case 'progress':
      return has('number', 'done', 'total') && has('string', 'unit');
    case 'metric':
      // JSON has no NaN and no infinities: they arrive as null.
      return (
        has('string', 'name') &&
        (has('number', 'value') || message['value'] === null) &&
        isMap(message['axes']) &&
        ['undefined', 'boolean'].includes(typeof message['isSummed'])
      );
    case 'log':
    case 'warning':
    case 'output':
      return has('string', 'message');
    case 'committed':
      return (
        has('number', 'seconds', 'peakBytes') &&
        has('boolean', 'reused') &&
        areOutputs(message['outputs']) &&
        areTexts(message['warnings'] ?? [])
      );
    case 'failed': {
      const failure = message['failure'];
      return isMap(failure) && typeof failure['code'] === 'string' && typeof failure['message'] === 'string';
    }
    case 'damaged':
      return areTexts(message['digests']);
    case 'lost':
      return has('string', 'cause', 'message');
    default:
      return false;
  }
}

function areOutputs(outputs: unknown): boolean {
  return (
    isMap(outputs) && Object.values(outputs).every((parts) => Array.isArray(parts) && parts.every(isPart))
  );
}

function areTexts(list: unknown): boolean {
  return Array.isArray(list) && list.every((text) => typeof text === 'string');
}

function isPart(part: unknown): boolean {
  return (
    isMap(part) &&
    typeof part['digest'] === 'string' &&
    typeof part['bytes'] === 'number' &&
    typeof part['images'] === 'number'
  );
}

function isMap(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
