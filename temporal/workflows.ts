import { type Client, WithStartWorkflowOperation, WorkflowExecutionAlreadyStartedError, type WorkflowStartOptions } from '@temporalio/client';
import { defineSearchAttributeKey, TypedSearchAttributes, type Workflow } from '@temporalio/common';
import type { AppendedCommand, CommandInput } from '../activities/types.ts';
import { spacedEventName } from '../model/events.ts';
import {
  COMMAND_UPDATE,
  DELIVERY_TASK_QUEUE,
  DELIVERY_WORKFLOW,
  deliveryWorkflowId,
  NEWS_SIGNAL,
  SEARCH_ATTRIBUTES,
  SESSION_TASK_QUEUE,
  SESSION_WORKFLOW,
  sessionWorkflowId,
} from '../model/naming.ts';
import type { DeliveryInput, News, SessionInput, SessionLimits } from '../workflows/messages.ts';
import { carryOut } from './commands.ts';

/** Starts and signals Herald's workflows. */
export interface Workflows {
  /** Tells a session's workflow what is new, starting it if it does not run. */
  signalSession(session: Omit<SessionInput, 'searchAttributes' | 'limits'>, news: News): Promise<void>;
  /**
   * Has a session's workflow carry out a command, starting it if it does not run.
   * `unavailable`: nobody answered in time. The same command may be sent again.
   * @param lastSeq Number of the session's last event. A run answers a command that it knows as it did before; so one that
   * was refused is a new one as soon as the session has further events.
   */
  commandSession(session: Omit<SessionInput, 'searchAttributes' | 'limits'>, command: CommandInput, lastSeq: number): Promise<AppendedCommand | 'unavailable'>;
  /** Sees to it that the delivery's workflow runs; one that runs already is left alone. */
  startDelivery(delivery: Omit<DeliveryInput, 'searchAttributes'>): Promise<void>;
}

/** For a person who opens a run in the Temporal UI, beside what it says of itself. Markdown, and short: it is in every history. */
const SESSION_DETAILS = `Takes the events of one session of an agent and has the messages sent that they call for.

- *Current details* say how it stands; the query *decisions* says why something was sent or skipped.
- Paused, silent or waiting is no fault. *Workflow Task Failed* in the history is one.`;
const DELIVERY_DETAILS = `Tries one message again, with growing pauses, until it arrives or its schedule is over.

- Signal *retryNow*: try now. Signal *cancel* with \`{"reason": "…"}\`: give it up.`;

/** A command that is not carried out within this time is answered as unavailable; it may be sent again. */
const COMMAND_DEADLINE_MS = 10_000;
/** A call that the server does not answer within this time has failed: the relay and the sweeper will find what it was about. */
const DEADLINE_MS = 15_000;

/**
 * @param usable Whether the cluster knows Herald's search attributes, asked at every call.
 * @param limits For the runs of sessions that are started.
 */
export function createWorkflows(client: Client, usable: () => boolean, limits?: SessionLimits): Workflows {
  const inTime = <T>(call: () => Promise<T>) => client.withDeadline(Date.now() + DEADLINE_MS, call);

  function startOf(session: Omit<SessionInput, 'searchAttributes' | 'limits'>) {
    const searchAttributes = usable();
    const { shown = { status: 'starting' } } = session;
    const input: SessionInput = { ...session, shown, searchAttributes, keepsTime: true, ...(limits ? { limits } : {}) };
    return {
      workflowId: sessionWorkflowId(session.organisationId, session.sessionId),
      taskQueue: SESSION_TASK_QUEUE,
      args: [input],
      workflowIdReusePolicy: 'ALLOW_DUPLICATE' as const,
      staticSummary: `Session ${inline(session.sessionId)}`,
      staticDetails: SESSION_DETAILS,
      memo: { session: session.sessionId, organisation: session.organisationId, ...(shown.agent === undefined ? {} : { agent: shown.agent }) },
      ...(searchAttributes
        ? {
            typedSearchAttributes: keywords({
              [SEARCH_ATTRIBUTES.organisation]: session.organisationId,
              [SEARCH_ATTRIBUTES.session]: session.sessionId,
              [SEARCH_ATTRIBUTES.status]: shown.status,
              ...(shown.agent === undefined ? {} : { [SEARCH_ATTRIBUTES.agent]: shown.agent }),
            }),
          }
        : {}),
    };
  }

  return {
    async signalSession(session, news) {
      await inTime(() =>
        client.workflow.signalWithStart(SESSION_WORKFLOW, { ...startOf(session), signal: NEWS_SIGNAL, signalArgs: [news] }),
      );
    },

    commandSession: (session, command, lastSeq) =>
      carryOut(() =>
        client.withDeadline(Date.now() + COMMAND_DEADLINE_MS, () =>
          client.workflow.executeUpdateWithStart<Workflow, AppendedCommand, [CommandInput]>(COMMAND_UPDATE, {
            startWorkflowOperation: new WithStartWorkflowOperation(SESSION_WORKFLOW, { ...startOf(session), workflowIdConflictPolicy: 'USE_EXISTING' }),
            updateId: `${command.requestId}@${lastSeq}`,
            args: [command],
          }),
        ),
      ),

    async startDelivery(delivery) {
      const searchAttributes = usable();
      const input: DeliveryInput = { ...delivery, searchAttributes };
      const options: WorkflowStartOptions = {
        workflowId: deliveryWorkflowId(delivery.deliveryId),
        taskQueue: DELIVERY_TASK_QUEUE,
        args: [input],
        workflowIdReusePolicy: 'ALLOW_DUPLICATE',
        workflowIdConflictPolicy: 'USE_EXISTING',
        staticSummary: `Delivery of ${inline(spacedEventName(delivery.eventType))}`,
        staticDetails: DELIVERY_DETAILS,
        memo: { delivery: delivery.deliveryId, integration: delivery.integrationId },
        ...(searchAttributes
          ? {
              typedSearchAttributes: keywords({
                [SEARCH_ATTRIBUTES.organisation]: delivery.organisationId,
                [SEARCH_ATTRIBUTES.integration]: delivery.integrationId,
                [SEARCH_ATTRIBUTES.deliveryStatus]: 'retrying',
              }),
            }
          : {}),
      };
      try {
        await inTime(() => client.workflow.start(DELIVERY_WORKFLOW, options));
      } catch (error) {
        if (!(error instanceof WorkflowExecutionAlreadyStartedError)) throw error;
      }
    },
  };
}

export function keywords(values: Record<string, string>): TypedSearchAttributes {
  return new TypedSearchAttributes(
    Object.entries(values).map(([name, value]) => ({
      key: defineSearchAttributeKey(name, 'KEYWORD'),
      // A keyword longer than this is refused by the visibility store.
      value: value.slice(0, 255),
    })),
  );
}

/** Text from outside, safe inside one line of the Temporal UI's Markdown and its 200-byte summaries. */
function inline(text: string): string {
  return text.replaceAll(/[`*_[\]<>\\\s]+/g, ' ').slice(0, 60);
}
