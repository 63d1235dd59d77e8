/** Which requests are under way to each destination, and for how long. */
export interface UnderWay {
  begin(destination: string, request: string): void;
  end(destination: string, request: string): void;
  /** Milliseconds for which the oldest of them has been under way; 0 when there is none. */
  oldestMs(destination: string): number;
}

export function createUnderWay(): UnderWay {
  /** When each began, by `performance.now()`; the oldest comes first. */
  const begun = new Map<string, Map<string, number>>();

  return {
    begin(destination, request) {
      const requests = begun.get(destination) ?? new Map<string, number>();
      begun.set(destination, requests.set(request, performance.now()));
    },

    end(destination, request) {
      const requests = begun.get(destination);
      requests?.delete(request);
      if (requests?.size === 0) begun.delete(destination);
    },

    oldestMs(destination) {
      for (const at of begun.get(destination)?.values() ?? []) return performance.now() - at;
      return 0;
    },
  };
}
