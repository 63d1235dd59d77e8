import { isGrpcServiceError } from '@temporalio/client';

/** gRPC codes of a server that does not let somebody make a call, or does not know it. */
const REFUSED = new Set([7, 12]);

/** What the server said when it refused a call for good; undefined for any other error. */
export function refusedBy(error: unknown): string | undefined {
  return isGrpcServiceError(error) && REFUSED.has(error.code) ? error.message : undefined;
}
