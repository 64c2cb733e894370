import type { Task } from '../../executor.ts';

/** The units of each array task of one job. */
export type Groups = readonly (readonly Task[])[];

/**
 * Distributes tasks over array jobs: a job has tasks of one stage with the same needs, `unitsPerTask` of them
 * in each array task, and no more array tasks than the cluster allows.
 */
export function groupTasks(
  tasks: readonly Task[],
  { unitsPerTask, maxArraySize }: { readonly unitsPerTask: number; readonly maxArraySize: number },
): Groups[] {
  const byJob = new Map<string, Task[]>();
  for (const task of tasks) {
    const name = `${task.stage} ${JSON.stringify(task.resources)}`;
    const others = byJob.get(name);
    if (others === undefined) byJob.set(name, [task]);
    else others.push(task);
  }
  return [...byJob.values()].flatMap((together) => chunks(chunks(together, unitsPerTask), maxArraySize));
}

function chunks<T>(items: readonly T[], size: number): T[][] {
  return Array.from({ length: Math.ceil(items.length / size) }, (_, at) =>
    items.slice(at * size, (at + 1) * size),
  );
}
