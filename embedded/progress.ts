/** Tells how a slow step is going: called again and again with what is known by now. */
export type Progress = (text: string) => void;

const TERMINAL_EVERY_MS = 1000;
const LINES_EVERY_MS = 10_000;

/**
 * Shows one slow step with the time it has taken: in place on a terminal, else as a line every ten seconds, so that a
 * log stays readable.
 */
export function showProgress(stream: NodeJS.WriteStream): { progress: Progress; done: () => void } {
  const startedAt = Date.now();
  let text = '';
  let shown = false;
  const show = () => {
    if (text === '') return;
    shown = true;
    stream.write(stream.isTTY ? `\r\x1b[K${text} (${elapsed(startedAt)})` : `${text} (${elapsed(startedAt)})\n`);
  };
  const timer = setInterval(show, stream.isTTY ? TERMINAL_EVERY_MS : LINES_EVERY_MS);
  timer.unref();
  return {
    progress: (newText) => {
      const first = text === '';
      text = newText;
      if (first) show();
    },
    done: () => {
      clearInterval(timer);
      if (shown && stream.isTTY) stream.write('\n');
    },
  };
}

/** `1:05` for a minute and five seconds. */
export function elapsed(sinceMs: number): string {
  const seconds = Math.round((Date.now() - sinceMs) / 1000);
  return `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, '0')}`;
}
