/** Milliseconds of the machine's monotonic clock: the same in every process, and nobody sets it. */
export function clockMs(): number {
  const [seconds, nanoseconds] = process.hrtime();
  return seconds * 1e3 + nanoseconds / 1e6;
}
