/** Something a person has to do before Herald can start; the message is the sentence to show. */
export class StartError extends Error {
  override name = 'StartError';
}

/** Receives one line meant for the person in front of the terminal. */
export type Log = (line: string) => void;
