/** What the recorded queries of a scope say about the code that issued them. */
export { isInnocent } from './innocent.ts';
export { findRepeatedStatements, type RepeatedStatement } from './repeated-statements.ts';
