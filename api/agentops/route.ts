import type { z } from '@hono/zod-openapi';
import type { Context } from 'hono';
import type { Json } from '../../model/types.ts';
import type { ApiEnv } from '../dependencies.ts';

/** A route of the AgentOps API: what the documentation says about it, and its handler. */
export interface AgentopsRoute {
  /** Without prefix: `/create_session`. Served there and under /v2. */
  paths: string[];
  summary: string;
  description: string;
  /** What opens it. */
  security: 'key' | 'token';
  body: z.ZodType;
  example: Json;
  answer: z.ZodType;
  handle(c: Context<ApiEnv>): Promise<Response>;
}
