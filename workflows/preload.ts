import '../model/confirmations.ts';
import '../model/deadlines.ts';
import '../model/decisions.ts';
import '../model/events.ts';
import '../model/naming.ts';
import '../model/rules.ts';
import '../model/session.ts';
import '../model/timeouts.ts';

/**
 * Loaded once for all workflows of a worker, not once for each: the domain has no state. The SDK takes a stack trace for
 * every promise of a workflow, which is two fifths of its CPU time with the default of ten lines.
 */
Error.stackTraceLimit = 4;
