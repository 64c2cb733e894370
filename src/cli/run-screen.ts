import { chooseRenderer, createRenderer } from '../dashboard/create-renderer.ts';
import { createPlainRenderer } from '../dashboard/plain.ts';
import type { Renderer, RendererIo, RendererKind } from '../dashboard/renderer.ts';
import type { DashboardState } from '../dashboard/state.ts';
import { terminal } from './terminal.ts';

/** All that a screen can show beside the events. */
export type ScreenDetails = Pick<RendererIo, 'prior' | 'logOf' | 'control' | 'picturesOf' | 'devices'>;

/**
 * Opens the renderer of a run. `hasWork` is false for a run with nothing to do, which is shown in lines on any
 * terminal, so that it loads no Ink. After `q` the run goes on with lines, which know all that came before.
 */
export async function openScreen(
  ui: 'auto' | RendererKind,
  hasWork: boolean,
  onInterrupt: () => void,
  details: ScreenDetails = {},
): Promise<Renderer> {
  const io = terminal();
  const kind = ui !== 'auto' ? ui : hasWork ? chooseRenderer(io) : 'plain';
  let leaving: Promise<void> | null = null;
  const goOnWithLines = async (leave: () => Promise<DashboardState>): Promise<void> => {
    const state = await leave();
    renderer = createPlainRenderer({ ...io, ...details, state });
    renderer.notice('The display is closed and the run goes on. Press Ctrl-C to finish the running shards.');
  };
  let renderer: Renderer = await createRenderer(kind, {
    ...io,
    ...details,
    onInterrupt,
    onQuit: (leave) => {
      leaving ??= goOnWithLines(leave);
    },
  });
  return {
    onEvent: (event) => renderer.onEvent(event),
    notice: (text) => renderer.notice(text),
    finish: async (results) => {
      await leaving;
      await renderer.finish(results);
    },
  };
}
