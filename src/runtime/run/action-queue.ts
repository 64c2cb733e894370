/**
 * Runs queued actions iteratively: an action may queue others, and recursion would go as deep as the graph.
 * The function that it returns runs its action at once, or after the present one if it is called from within
 * an action.
 */
export function createActionQueue(): (action: () => void) => void {
  const actions: (() => void)[] = [];
  return (action) => {
    actions.push(action);
    if (actions.length > 1) return;
    for (let next = actions[0]; next !== undefined; next = actions[0]) {
      next();
      actions.shift();
    }
  };
}
