/** An event as the driver reports it. */
export interface NaiveEvent {
  id: string;
  type: string;
  init_timestamp: string;
}

export interface NaiveActivities {
  deliver(input: { sessionId: string; event: NaiveEvent }): Promise<void>;
}

export const NAIVE_TASK_QUEUE = 'bench-naive';
