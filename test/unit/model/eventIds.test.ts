import { expect, it } from 'vitest';
import { isOwnEventId, reportedEventId } from '../../../model/eventIds.ts';

it.each([
  ['e1', 'e1'],
  ['my command:1', 'my command:1'],
  ['command:1', 'reported:command:1'],
  ['timer:idle:3', 'reported:timer:idle:3'],
])('a reported event with the id %s is stored as %s, which nobody takes for a command or a time-out', (id, stored) => {
  expect(reportedEventId(id)).toBe(stored);
  expect(reportedEventId(stored)).toBe(stored);
  expect(isOwnEventId(stored)).toBe(false);
});
