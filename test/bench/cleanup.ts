/** What is to be undone at the end, whatever the end is. */
export interface Cleanup {
  add(undo: () => unknown): void;
  /** Undoes everything once, the latest first; what fails does not keep the rest from being undone. */
  run(): Promise<void>;
}

export function createCleanup(onError: (error: unknown) => void): Cleanup {
  const steps: (() => unknown)[] = [];
  let running: Promise<void> | undefined;

  async function undoAll(): Promise<void> {
    for (let step = steps.pop(); step; step = steps.pop()) {
      try {
        await step();
      } catch (error) {
        onError(error);
      }
    }
  }

  return {
    add: (undo) => {
      steps.push(undo);
    },
    run: () => (running ??= undoAll()),
  };
}
