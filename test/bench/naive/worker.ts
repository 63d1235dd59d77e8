// A process of the bench: carries out the naive loop, with the SDK's defaults.
import { fileURLToPath } from 'node:url';
import { NativeConnection, Worker } from '@temporalio/worker';
import { createHttpClient } from '../driver/client.ts';
import { serveCommands } from '../remote.ts';
import { NAIVE_TASK_QUEUE, type NaiveActivities } from './types.ts';

const receiver = new URL(process.env.BENCH_RECEIVER_URL ?? '');
const http = createHttpClient(receiver.origin, 64);
const connection = await NativeConnection.connect({ address: process.env.BENCH_TEMPORAL_ADDRESS });

const activities: NaiveActivities = {
  async deliver({ sessionId, event }) {
    const body = JSON.stringify({
      type: 'execution',
      event_id: event.id,
      timestamp: event.init_timestamp,
      info: { event: 'EXECUTION_ACTION_STARTED', execution_id: sessionId, payload: event },
    });
    const { status } = await http.post(receiver.pathname, { 'content-type': 'application/json', 'webhook-id': event.id }, body);
    if (status !== 200) throw new Error(`The receiver answered ${status}.`);
  },
};

const worker = await Worker.create({
  connection,
  taskQueue: NAIVE_TASK_QUEUE,
  workflowsPath: fileURLToPath(new URL('workflow.ts', import.meta.url)),
  activities: { ...activities },
});
const ended = worker.run();
process.once('SIGTERM', () => worker.shutdown());
serveCommands({});
await ended;
process.exit(0);
