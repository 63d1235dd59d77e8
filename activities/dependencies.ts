import type { Logger } from 'pino';
import type { Db } from '../store/database.ts';
import type { DecisionLinks } from '../store/decisionLinks.ts';
import type { SecretBox } from '../store/secrets.ts';
import type { Workflows } from '../temporal/workflows.ts';
import type { OutgoingHttp } from './channels/http.ts';
import type { Listening } from './listening.ts';
import type { SendTimings } from './timings.ts';

/** What the activities of a worker process share. */
export interface ActivityDependencies {
  db: Db;
  secrets: SecretBox;
  links: DecisionLinks;
  http: OutgoingHttp;
  workflows: Workflows;
  /** Where people reach this installation, without a slash at the end. */
  publicUrl: string;
  /** Names this process on the leases it holds. Different after every start. */
  owner: string;
  timings: SendTimings;
  listening: Listening;
  log: Logger;
}
