// A process of the bench: accepts events for the naive loop. An event is accepted when the Temporal server has its signal.
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Client, Connection } from '@temporalio/client';
import { serveCommands } from '../remote.ts';
import { NAIVE_TASK_QUEUE, type NaiveEvent } from './types.ts';

const client = new Client({ connection: await Connection.connect({ address: process.env.BENCH_TEMPORAL_ADDRESS }) });

async function accept(sessionId: string, body: string): Promise<void> {
  const { events } = JSON.parse(body) as { events: NaiveEvent[] };
  for (const event of events) {
    await client.workflow.signalWithStart('naiveSession', {
      workflowId: sessionId,
      taskQueue: NAIVE_TASK_QUEUE,
      args: [sessionId],
      signal: 'event',
      signalArgs: [event],
    });
  }
}

const server = createServer({ keepAliveTimeout: 60_000 }, (request, response) => {
  const chunks: Buffer[] = [];
  request.on('data', (chunk: Buffer) => chunks.push(chunk));
  request.on('end', () => {
    accept((request.url ?? '/').slice(1), Buffer.concat(chunks).toString('utf8')).then(
      () => response.writeHead(200).end('"Success"'),
      (error: unknown) => response.writeHead(500).end(String(error)),
    );
  });
});

export type NaiveCommands = {
  listen(): Promise<number>;
  /** Ends the workflows, so that nothing of them is left beside what is measured next. */
  terminate(sessionIds: string[]): Promise<void>;
};

const commands: NaiveCommands = {
  listen: () => new Promise((resolve) => server.listen(0, '127.0.0.1', () => resolve((server.address() as AddressInfo).port))),
  async terminate(sessionIds) {
    await Promise.all(sessionIds.map((id) => client.workflow.getHandle(id).terminate('the bench is over')));
  },
};

serveCommands(commands);
