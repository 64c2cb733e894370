/** A unit that can run, by the index of its cell and its own within the cell. */
export interface QueuedUnit {
  readonly priority: number;
  readonly cell: number;
  readonly unit: number;
}

/** A binary heap of units by priority, smallest first. */
export interface ReadyQueue {
  readonly push: (priority: number, cell: number, unit: number) => void;
  readonly pop: () => QueuedUnit | null;
  readonly size: () => number;
}

export function createReadyQueue(): ReadyQueue {
  const heap: QueuedUnit[] = [];
  return {
    size: () => heap.length,
    push(priority, cell, unit) {
      heap.push({ priority, cell, unit });
      for (let child = heap.length - 1; child > 0;) {
        const parent = (child - 1) >> 1;
        if (heap[parent]!.priority <= heap[child]!.priority) break;
        swap(heap, parent, child);
        child = parent;
      }
    },
    pop() {
      const top = heap[0];
      if (top === undefined) return null;
      const last = heap.pop()!;
      if (heap.length > 0) {
        heap[0] = last;
        for (let parent = 0; ;) {
          let least = parent;
          for (const child of [2 * parent + 1, 2 * parent + 2]) {
            if (child < heap.length && heap[child]!.priority < heap[least]!.priority) least = child;
          }
          if (least === parent) break;
          swap(heap, parent, least);
          parent = least;
        }
      }
      return top;
    },
  };
}

function swap(heap: QueuedUnit[], a: number, b: number): void {
  const entry = heap[a]!;
  heap[a] = heap[b]!;
  heap[b] = entry;
}
