import { spawn } from 'node:child_process';
import type { Readable, Writable } from 'node:stream';

/** An event of a trace of Chromium: times in microseconds. */
interface TraceEvent {
  readonly name: string;
  readonly cat: string;
  readonly ph: string;
  readonly pid: number;
  readonly tid: number;
  readonly ts: number;
  /** Processor time of the thread in the event. */
  readonly tdur?: number;
  readonly args: { readonly data?: Readonly<Record<string, unknown>>; readonly frame?: string };
}

export interface FirstPaint {
  /** Seconds of the clock from the begin of the navigation to the first text or image on the screen. */
  readonly seconds: number;
  /** Processor seconds of the page's main thread in between. */
  readonly cpuSeconds: number;
}

interface Message {
  readonly id?: number;
  readonly method?: string;
  readonly sessionId?: string;
  readonly result?: Readonly<Record<string, string>>;
  readonly params?: { readonly value?: readonly TraceEvent[] };
}

/** Opens a file in a browser without a window, and measures the first paint in a trace that the DevTools protocol records. */
export async function firstPaintOf(browser: string, path: string, profile: string): Promise<FirstPaint> {
  const flags = ['--headless', '--no-sandbox', '--disable-gpu', '--remote-debugging-pipe'];
  const child = spawn(browser, [...flags, `--user-data-dir=${profile}`, 'about:blank'], {
    stdio: ['ignore', 'ignore', 'ignore', 'pipe', 'pipe'],
  });
  try {
    return await traced(child.stdio[3] as Writable, child.stdio[4] as Readable, `file://${path}`);
  } finally {
    const ended = new Promise((resolve) => child.once('exit', resolve));
    child.kill('SIGKILL');
    await ended;
  }
}

async function traced(input: Writable, output: Readable, address: string): Promise<FirstPaint> {
  const { send, until, events } = connect(input, output);
  const { targetInfos } = (await send('Target.getTargets')) as unknown as {
    readonly targetInfos: readonly { readonly targetId: string; readonly type: string }[];
  };
  const { targetId } = targetInfos.find(({ type }) => type === 'page')!;
  const { sessionId } = await send('Target.attachToTarget', { targetId, flatten: true });
  await send('Page.enable', {}, sessionId);
  await send('Page.setLifecycleEventsEnabled', { enabled: true }, sessionId);
  const categories = ['blink.user_timing', 'loading', 'devtools.timeline', 'toplevel'];
  await send('Tracing.start', { traceConfig: { includedCategories: categories } }, sessionId);
  const { loaderId } = await send('Page.navigate', { url: address }, sessionId);
  // The event of the paint may come into the trace after the message about it; the page has rested half a second then.
  await until('firstContentfulPaint', loaderId!);
  await until('networkIdle', loaderId!);
  const complete = until('Tracing.tracingComplete');
  await send('Tracing.end', {}, sessionId);
  await complete;
  return firstPaintIn(events, address);
}

/** The messages of the protocol are JSON that ends in a zero byte. */
function connect(input: Writable, output: Readable) {
  const answers = new Map<number, (message: Message) => void>();
  const received: string[] = [];
  let waiting: { readonly words: readonly string[]; readonly resolve: () => void }[] = [];
  const events: TraceEvent[] = [];
  let [next, rest] = [0, ''];
  output.setEncoding('utf8').on('data', (text: string) => {
    const parts = (rest + text).split('\0');
    rest = parts.pop()!;
    for (const part of parts) {
      const message = JSON.parse(part) as Message;
      if (message.id !== undefined) answers.get(message.id)?.(message);
      if (message.method === 'Tracing.dataCollected') events.push(...(message.params?.value ?? []));
      else if (message.method === 'Page.lifecycleEvent' || message.method === 'Tracing.tracingComplete')
        received.push(part);
      waiting = waiting.filter(({ words, resolve }) => {
        const isThere = has(part, words);
        if (isThere) resolve();
        return !isThere;
      });
    }
  });
  const send = async (method: string, params: object = {}, sessionId?: string) => {
    const id = ++next;
    const answered = new Promise<Message>((resolve) => answers.set(id, resolve));
    input.write(`${JSON.stringify({ id, method, params, sessionId })}\0`);
    return (await answered).result ?? {};
  };
  const has = (text: string, words: readonly string[]): boolean =>
    words.every((word) => text.includes(`"${word}"`));
  /** Waits for a message with these words, unless it has come already. */
  const until = (...words: readonly string[]): Promise<void> =>
    new Promise((resolve) => {
      if (received.some((text) => has(text, words))) resolve();
      else waiting.push({ words, resolve });
    });
  return { send, until, events };
}

function firstPaintIn(events: readonly TraceEvent[], address: string): FirstPaint {
  const begun = events.find(
    ({ name, args }) => name === 'navigationStart' && args.data?.['documentLoaderURL'] === address,
  );
  const painted = events.find(
    ({ name, pid, ts }) => name === 'firstContentfulPaint' && pid === begun?.pid && ts > begun.ts,
  );
  if (begun === undefined || painted === undefined)
    throw new Error(`the trace of ${events.length} events has no first paint`);
  const tasks = events.filter(
    ({ name, pid, tid, ts, ph }) =>
      (name === 'RunTask' || name === 'ThreadControllerImpl::RunTask') &&
      ph === 'X' &&
      pid === painted.pid &&
      tid === painted.tid &&
      ts >= begun.ts &&
      ts <= painted.ts,
  );
  const cpu = tasks.reduce((sum, { tdur = 0 }) => sum + tdur, 0);
  return { seconds: (painted.ts - begun.ts) / 1e6, cpuSeconds: cpu / 1e6 };
}
