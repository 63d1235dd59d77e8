import { setTimeout as sleep } from 'node:timers/promises';
import { isGrpcServiceError, WorkflowNotFoundError, WorkflowUpdateFailedError, WorkflowUpdateRPCTimeoutOrCancelledError } from '@temporalio/client';
import { ApplicationFailure, NamespaceNotFoundError } from '@temporalio/common';

/** A command whose run ended under it goes to the next run; it is carried out once all the same. */
const TRIES = 5;
/** A server that has just started, or has just been told of its namespace, does not know it everywhere at once. */
const RETRY_MS = 300;
/** gRPC codes of a server that is away, starting, stopping or has too much to do. */
const AWAY = new Set([1, 4, 8, 14]);

/** Sends a command; `unavailable` when nobody answered in time. */
export async function carryOut<T>(send: () => Promise<T>): Promise<T | 'unavailable'> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await send();
    } catch (error) {
      if (isAway(error)) return 'unavailable';
      if (!passes(error)) throw error;
      if (attempt === TRIES) return 'unavailable';
      await sleep(RETRY_MS);
    }
  }
}

function isAway(error: unknown): boolean {
  if (error instanceof WorkflowUpdateRPCTimeoutOrCancelledError) return true;
  return AWAY.has(grpcErrorOf(error)?.code ?? 0);
}

function grpcErrorOf(error: unknown) {
  if (isGrpcServiceError(error)) return error;
  return error instanceof Error && isGrpcServiceError(error.cause) ? error.cause : undefined;
}

/** Search attributes that were registered a moment ago are not known everywhere at once either. */
function lacksSearchAttributes(error: unknown): boolean {
  return grpcErrorOf(error) !== undefined && /search attribute/i.test(`${(error as Error).message} ${grpcErrorOf(error)?.details}`);
}

/** The server aborts an update that its run did not take or finish before it closed or continued as new. */
function passes(error: unknown): boolean {
  if (error instanceof WorkflowNotFoundError || error instanceof NamespaceNotFoundError || lacksSearchAttributes(error)) return true;
  if (!(error instanceof WorkflowUpdateFailedError) || !(error.cause instanceof ApplicationFailure)) return false;
  return error.cause.type === 'AcceptedUpdateCompletedWorkflow';
}
