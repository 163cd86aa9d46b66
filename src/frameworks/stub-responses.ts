/** Responses that are of no class which could tell us their end: those of unit tests, mostly. */
import { EventEmitter } from 'node:events';

/** Unit tests replace what they find in its place later. */
const later = setImmediate;

/**
 * Ends what is on such a response: with it where it tells of its end, otherwise when the handler
 * has run its first part. What it asks for after that is late, and nothing is held open for it.
 */
export function endWithoutEvents(response: unknown, end: () => void): void {
  if (response instanceof EventEmitter) {
    response.once('finish', end);
    response.once('close', end);
  } else {
    later(end);
  }
}
