/** What the recorded queries of a scope say about the code that issued them. */
export { batchedForm } from './batched-form.ts';
export { isInnocent } from './innocent.ts';
export { findRepeatedStatements, type Repetition } from './repeated-statements.ts';
export { findIgnored } from './ignored.ts';
